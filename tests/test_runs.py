"""Run folders are read without torch, and what is unfinished or damaged is said, not guessed."""

import pandas as pd
import pytest

from ulskit.errors import RunError
from ulskit.runs import RunFolder, latest_run, list_runs


def begin(folder, name, time, status="finished"):
    run = RunFolder(folder / name)
    run.write_record({"name": name, "status": status, "made": {"time": time}})
    return run


def test_a_record_comes_back_as_it_was_written(tmp_path):
    run = RunFolder(tmp_path / "runs" / "round1")
    assert not run.exists
    assert not run.finished
    record = {"status": "unfinished", "settings": {"epochs": 3}, "note": "p ∩ e"}
    run.write_record(record)
    assert run.exists
    assert run.record() == record
    assert not run.finished
    run.write_record(record | {"status": "finished"})
    assert run.finished


def test_an_absent_run_says_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match="ulskit train"):
        RunFolder(tmp_path / "none").record()
    with pytest.raises(RunError, match="ulskit train"):
        latest_run(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "\x00", ""])
def test_a_damaged_record_is_named(tmp_path, text):
    run = RunFolder(tmp_path / "round1")
    run.path.mkdir()
    (run.path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        run.record()


def test_runs_are_listed_by_age_and_the_latest_is_a_finished_one(tmp_path):
    begin(tmp_path, "b", "2026-01-02")
    begin(tmp_path, "c", "2026-01-01")
    begin(tmp_path, "a", "2026-01-03", status="unfinished")
    (tmp_path / "no-run").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == ["c", "b", "a"]
    assert latest_run(tmp_path).name == "b"
    assert list_runs(tmp_path / "nowhere") == []


def test_only_a_finished_run_gives_its_checkpoint(tmp_path):
    run = begin(tmp_path, "round1", "2026", status="unfinished")
    run.checkpoint_path("last").parent.mkdir()
    run.checkpoint_path("last").touch()
    with pytest.raises(RunError, match="is unfinished"):
        run.checkpoint()
    begin(tmp_path, "round1", "2026")
    assert run.checkpoint() == run.checkpoint_path("last")
    with pytest.raises(RunError, match="no checkpoint 'best'"):
        run.checkpoint("best")


def test_metrics_are_empty_before_the_first_epoch(tmp_path):
    run = begin(tmp_path, "round1", "2026")
    assert run.metrics().empty
    table = pd.DataFrame({"epoch": [0, 1], "loss": [2.0, 1.5]})
    table.to_csv(run.metrics_path, index=False)
    pd.testing.assert_frame_equal(run.metrics(), table)
