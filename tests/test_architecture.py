"""Imports point one way: cli → model → ulskit, and ulskit never imports torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"ulskit": ROOT / "ulskit", "ulskit.model": ROOT / "model", "ulskit.cli": ROOT / "cli"}
# Levels within ulskit: a module imports only from its own level or a lower one.
LEVELS = [
    {"errors", "types", "progress", "registry", "provenance", "files"},
    {"geometry", "ct", "runs"},
    {"store", "measure", "metrics"},
    {"ingest", "labels", "phantom", "figures"},
    {"info", "evaluation"},
    {"report"},
]


def _sources():
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            yield package, path


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(("package", "path"), list(_sources()), ids=str)
def test_imports_point_one_way(package, path):
    imported = _imported(path)
    forbidden = {
        "ulskit": ("ulskit.model", "ulskit.cli", "torch", "lightning", "timm", "typer"),
        "ulskit.model": ("ulskit.cli", "typer"),
        "ulskit.cli": (),
    }[package]
    wrong = {name for name in imported for start in forbidden if name == start or name.startswith(start + ".")}
    assert not wrong, f"{path} imports {wrong}"


def test_levels_within_ulskit_are_kept():
    level_of = {name: at for at, level in enumerate(LEVELS) for name in level}
    for path in sorted(PACKAGES["ulskit"].rglob("*.py")):
        name = path.relative_to(PACKAGES["ulskit"]).parts[0].removesuffix(".py")
        if name == "__init__":
            continue
        assert name in level_of, f"ulskit/{name} has no level in this test"
        for imported in _imported(path):
            parts = imported.split(".")
            if parts[0] == "ulskit" and len(parts) > 1 and parts[1] in level_of:
                assert level_of[parts[1]] <= level_of[name], f"{path} imports {imported} of a higher level"


@pytest.mark.parametrize(
    "statement", ["import ulskit", "from ulskit.cli.app import app", "import ulskit.report, ulskit.evaluation"]
)
def test_torch_is_not_loaded_by(statement):
    code = f"{statement}; import sys; assert not {{'torch', 'lightning', 'timm'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_can_be_read_in_one_sitting():
    long = {
        str(path.relative_to(ROOT)): count
        for _, path in _sources()
        if (count := len(path.read_text().splitlines())) > 330
    }
    assert not long


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc"])
def test_no_module_is_a_drawer_for_everything(word):
    assert not [path for _, path in _sources() if word in path.parts or path.stem == word]
