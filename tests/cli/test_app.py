"""The command line as a user meets it: help, errors in one line, exit codes, documents."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ulskit.cli.app import app

COMMANDS = sorted(command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands)


def ulskit(*arguments, cwd, env=None):
    """The installed command in a process of its own."""
    script = Path(sys.executable).with_name("ulskit")
    return subprocess.run(
        [script, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_are_those_of_the_specification():
    assert (
        sorted(
            [
                "demo",
                "evaluate",
                "info",
                "ingest",
                "ingest-masks",
                "measure",
                "models",
                "predict",
                "pseudolabel",
                "report",
                "run",
                "train",
            ]
        )
        == COMMANDS
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: ulskit {command}" in " ".join(result.output.split())


def test_the_way_from_a_folder_to_measurements(deeplesion, tmp_path):
    for arguments in (["ingest", deeplesion], ["pseudolabel"], ["evaluate"]):
        done = ulskit(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    document = json.loads(ulskit("measure", "--json", cwd=tmp_path).stdout)
    assert len(document["measurements"]) == 8
    facts = json.loads(ulskit("info", "--json", cwd=tmp_path).stdout)
    assert (facts["lesions"], facts["patients"], list(facts["labels"])) == (8, 8, ["round1"])


def test_store_and_runs_come_from_the_environment(deeplesion, tmp_path):
    env = {"ULSKIT_STORE": str(tmp_path / "elsewhere.zarr")}
    assert ulskit("ingest", deeplesion, cwd=tmp_path, env=env).returncode == 0
    assert (tmp_path / "elsewhere.zarr").is_dir()
    assert ulskit("pseudolabel", cwd=tmp_path, env=env).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info"], 1, "no store at ulskit.zarr"),
        (["ingest", "nowhere"], 1, "no folder nowhere"),
        (["predict"], 1, "no store at ulskit.zarr"),
        (["predict", "--image", "ct.png"], 2, "--box x1,y1,x2,y2"),
        (["train", "--set", "epochs"], 2, "expected name=value"),
        (["measure", "nothing.nii.gz"], 1, "nothing.nii.gz"),
        (["nonsense"], 2, "No such command"),
        (["ingest"], 2, "Missing argument"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(arguments, code, message, tmp_path):
    done = ulskit(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    if not message.startswith(("No such", "Missing")):
        assert done.stderr.strip().splitlines()[-1].startswith("ulskit: ")
        assert done.stderr.count("ulskit: ") == 1


def test_debug_shows_the_traceback(tmp_path):
    done = ulskit("info", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_interrupted_ingest_is_named_as_such(store, tmp_path):
    store.root.attrs["complete"] = False
    done = ulskit("info", "--store", store.location, cwd=tmp_path)
    assert done.returncode == 1
    assert "run the same `ulskit ingest` again" in done.stderr
