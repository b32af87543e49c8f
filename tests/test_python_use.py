"""The Python of docs/python.md, run as it stands there on a small folder."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "python.md"


def test_the_steps_of_the_documentation_run_as_they_stand(deeplesion, tmp_path, monkeypatch):
    assert deeplesion == tmp_path / "DeepLesion"  # the folder that the document names
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 4
    code = "\n".join(blocks).replace('"epochs": 20', '"epochs": 1')
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, str(DOCUMENT), "exec"), names)
    assert {"round1", "round2", "predicted/round1"} <= set(names["store"].labels())
    assert names["evaluation"].lesions.shape[0] == 8
    assert [tuple(p.shape[-2:]) for p in (names["p1"], names["p2"], names["p3"])] == [(64, 64), (128, 128), (256, 256)]
