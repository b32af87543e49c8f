"""What is installed is what is in the repository, under the names of the layout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _expected() -> set[str]:
    homes = {"ulskit": "ulskit", "model": "ulskit/model", "cli": "ulskit/cli"}
    return {
        f"{home}/{path.relative_to(ROOT / folder)}"
        for folder, home in homes.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


@pytest.mark.slow
def test_the_wheel_holds_every_source_and_nothing_else(tmp_path):
    source = tmp_path / "source"  # a copy, for what earlier builds have left beside the sources would get in
    for name in ("ulskit", "model", "cli"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("ulskit-*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == _expected()


@pytest.mark.parametrize("module", ["cli", "model"])
def test_no_bare_module_can_be_imported(module, tmp_path):
    done = subprocess.run([sys.executable, "-c", f"import {module}"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"ModuleNotFoundError" in done.stderr
