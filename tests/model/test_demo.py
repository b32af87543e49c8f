"""The demo does the whole job, and again does nothing."""

import pytest

from ulskit.errors import UlskitError
from ulskit.model.demo import run_demo


@pytest.mark.slow
def test_the_demo_makes_store_runs_table_and_report_and_goes_on_where_it_was(tmp_path):
    small = {"patients": 8, "rounds": 2, "epochs": 1}
    result = run_demo(tmp_path / "demo", **small)
    assert [it.label_set for it in result.evaluations] == ["round1", "predicted/round1", "predicted/round2"]
    assert all(it.truth == "truth" and it.with_truth for it in result.evaluations)
    assert {"round1", "round2", "truth", "predicted/round1", "predicted/round2"} == set(result.store.labels())
    assert "</html>" in result.report.read_text(encoding="utf-8")
    checkpoint = tmp_path / "demo" / "runs" / "round2" / "checkpoints" / "last.ckpt"
    before = checkpoint.stat().st_mtime_ns
    run_demo(tmp_path / "demo", **small)
    assert checkpoint.stat().st_mtime_ns == before
    with pytest.raises(UlskitError):
        run_demo(tmp_path / "demo", **{**small, "epochs": 2})
