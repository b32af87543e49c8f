"""All rounds, killed again and again, end in the labels and metrics of an undisturbed run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ulskit
from ulskit.runs import RunFolder

COMMAND = (
    "run --rounds 2 --no-pretrained --backbone hrnet_w18_small --epochs 2 --set roi.max_size=128 --set batch_size=2 "
    "--set trainer.accelerator=cpu --device cpu"
)


def run_for(folder: Path, seconds: float | None = None) -> tuple[int, str]:
    """Exit code and messages of `ulskit run`, killed after so many seconds."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("ulskit"), *COMMAND.split()],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # sums in one order, so that equal means equal
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            messages = process.communicate(timeout=seconds)[1]
        except subprocess.TimeoutExpired:
            process.kill()  # SIGKILL
            messages = process.communicate()[1]
    return process.returncode, messages


@pytest.mark.slow
def test_a_killed_run_of_rounds_ends_as_an_undisturbed_one(store, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        shutil.copytree(store.location, folder / "ulskit.zarr")
    code, messages = run_for(whole)
    assert code == 0, messages
    for seconds in (4.0, 5.5, 7.0, 8.5):  # later each time, so that every try gets further
        run_for(killed, seconds)
    code, messages = run_for(killed)
    assert code == 0, messages
    one, other = (ulskit.open(folder / "ulskit.zarr") for folder in (whole, killed))
    assert one.labels() == other.labels()
    for name in one.labels():
        for lesion in range(len(one)):
            np.testing.assert_array_equal(one.label(name, lesion), other.label(name, lesion))
    for run in ("round1", "round2"):
        tables = [RunFolder(folder / "runs" / run).metrics() for folder in (whole, killed)]
        figures = [table.drop(columns=["seconds", "images_per_second"]) for table in tables]
        pd.testing.assert_frame_equal(*figures)
