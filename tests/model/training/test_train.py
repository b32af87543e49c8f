"""Training: what a run folder holds, and that an interrupted run ends as an uninterrupted one."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

import ulskit
from ulskit.errors import DataError, RunError
from ulskit.model.prediction.predictor import read_checkpoint
from ulskit.model.training.settings import read_settings
from ulskit.model.training.train import train
from ulskit.runs import RunFolder

TINY = {
    "epochs": 3,
    "batch_size": 2,
    "network.pretrained": False,
    "network.options.backbone": "hrnet_w18_small",
    "roi.max_size": 128,
    "trainer.accelerator": "cpu",
}
TIMES = ["seconds", "images_per_second"]


def settings(**changes):
    return read_settings(None, {**TINY, **{name.replace("__", "."): value for name, value in changes.items()}})


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "runs" / "round1")


def test_a_finished_run_says_what_made_it(store, run):
    train(store, "round1", run, settings())
    assert run.finished
    record = json.loads((run.path / "run.json").read_text())
    assert record["made"]["store"] == store.digest
    assert record["made"]["seed"] == 0
    assert record["labels"]["method"] == "quarter"
    assert record["versions"]["torch"]
    assert read_settings(run.path / "settings.yaml") == settings()
    metrics = run.metrics()
    assert metrics["epoch"].tolist() == [0, 1, 2]
    assert {"loss", "segmentation_loss", "level_set_loss", "val_dice", "learning_rate"} <= set(metrics.columns)
    assert run.curves_path.stat().st_size > 1000
    for kind in ("best", "last"):
        torch.load(run.checkpoint(kind), weights_only=True)
        assert read_checkpoint(run.checkpoint(kind))["ulskit"]["made"]["seed"] == 0


def test_the_rate_falls_and_the_level_set_joins_where_the_settings_say(store, run):
    train(store, "round1", run, settings(epochs=4, milestones=[0.5, 0.75], level_set__start=2))
    metrics = run.metrics()
    assert metrics["learning_rate"].round(8).tolist() == [1e-3, 1e-3, 1e-4, 1e-5]
    assert metrics["level_set_active"].tolist() == [0, 0, 1, 1]
    with_term = metrics["segmentation_loss"] + 0.1 * metrics["level_set_loss"]
    expected = with_term.where(metrics["level_set_active"] == 1, metrics["segmentation_loss"])
    pd.testing.assert_series_equal(metrics["loss"], expected, check_names=False, rtol=1e-5)


def test_a_second_call_does_nothing(store, run):
    train(store, "round1", run, settings(epochs=1))
    before = run.checkpoint_path("last").stat().st_mtime_ns
    train(store, "round1", run, settings(epochs=1))
    assert run.checkpoint_path("last").stat().st_mtime_ns == before


def test_other_settings_are_refused_unless_told_to_overwrite(store, run):
    train(store, "round1", run, settings(epochs=1))
    with pytest.raises(RunError, match="--overwrite"):
        train(store, "round1", run, settings(epochs=2))
    train(store, "round1", run, settings(epochs=2), overwrite=True)
    assert len(run.metrics()) == 2


def test_a_split_without_lesions_names_the_splits_there_are(store, run):
    with pytest.raises(DataError, match="--train-split"):
        train(store, "round1", run, settings(train_splits=["nowhere"]))
    assert not run.path.exists()


def test_the_same_seed_gives_the_same_run_and_another_seed_another(store, tmp_path):
    losses = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made = train(store, "round1", RunFolder(tmp_path / name), settings(epochs=2, seed=seed))
        losses.append(made.metrics()["loss"].tolist())
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@pytest.mark.slow
def test_a_killed_run_ends_with_the_metrics_of_an_uninterrupted_one(store, tmp_path):
    whole = train(store, "round1", RunFolder(tmp_path / "whole"), settings(epochs=4))
    killed = RunFolder(tmp_path / "killed")
    code = (
        "import sys, ulskit\n"
        "from pathlib import Path\n"
        "from ulskit.model.training.settings import read_settings\n"
        "from ulskit.model.training.train import train\n"
        "from ulskit.runs import RunFolder\n"
        "train(ulskit.open(sys.argv[1]), 'round1', RunFolder(Path(sys.argv[2])), read_settings(Path(sys.argv[3])))\n"
    )
    (tmp_path / "settings.yaml").write_text(settings(epochs=4).to_yaml())
    arguments = [sys.executable, "-c", code, store.location, str(killed.path), str(tmp_path / "settings.yaml")]
    process = subprocess.Popen(arguments, cwd=tmp_path)
    for _ in range(1200):  # until the first epoch is kept, then at an arbitrary moment of the second
        if killed.checkpoint_path("last").is_file() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not killed.finished
    with pytest.raises(RunError, match="unfinished"):
        killed.checkpoint()
    train(ulskit.open(store.location), "round1", killed, settings(epochs=4))
    pd.testing.assert_frame_equal(
        killed.metrics().drop(columns=TIMES), whole.metrics().drop(columns=TIMES), rtol=1e-5, check_exact=False
    )
    assert not list(Path(killed.path).rglob(".*"))
