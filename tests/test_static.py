"""Linting and typing are part of the tests, so that there is one command."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOMES = {"ulskit": "ulskit", "model": "ulskit/model", "cli": "ulskit/cli"}


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_is_content(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_mypy_is_content_with_every_file(tmp_path):
    # mypy does not see the package-dir mapping of an editable install, so it is shown the tree as it installs.
    tree = tmp_path / "tree"
    for folder, home in HOMES.items():
        shutil.copytree(ROOT / folder, tree / home, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "mypy", "-p", "ulskit", "--config-file", str(ROOT / "pyproject.toml")]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")]
    done = subprocess.run(
        [*command, *cache],
        cwd=tree,
        env={"MYPYPATH": str(tree), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(list(tree.rglob("*.py")))
    assert f"no issues found in {count} source files" in done.stdout
