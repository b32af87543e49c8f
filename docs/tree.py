"""MkDocs hook: lay out the packages as they install, so that mkdocstrings finds ulskit.model and ulskit.cli."""

import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOMES = {"ulskit": "ulskit", "model": "ulskit/model", "cli": "ulskit/cli"}


def on_startup(**_: Any) -> None:
    """Copy the sources into build/tree, before mkdocstrings looks for it."""
    tree = ROOT / "build" / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for folder, home in HOMES.items():
        shutil.copytree(ROOT / folder, tree / home, ignore=shutil.ignore_patterns("__pycache__"))
