"""What `ulskit info` says of a store and a run."""

import json

import pandas as pd

from ulskit.info import describe_run, describe_store
from ulskit.runs import RunFolder


def test_a_store_is_described_by_its_tables(store):
    facts = describe_store(store)
    lesions = store.lesions
    assert facts["lesions"] == len(lesions) == 8
    assert facts["patients"] == 8
    assert facts["splits"] == lesions["split"].value_counts().to_dict()
    assert sum(facts["lesion_types"].values()) == 8
    assert facts["long_axis_mm"]["max"] == round(lesions["long_axis_mm"].max(), 1)
    assert facts["digest"] == store.digest
    assert facts["labels"]["round1"]["lesions"] == 8
    assert facts["labels"]["round1"]["method"] == "quarter"
    assert facts["labels"]["truth"]["by"] == "test"
    assert facts["rejected"] == {"count": 0, "reasons": {}}


def test_a_description_is_plain_json(store):
    assert json.loads(json.dumps(describe_store(store), allow_nan=False)) == describe_store(store)


def test_a_run_is_described_by_its_record_and_last_epoch(tmp_path):
    run = RunFolder(tmp_path / "round1")
    run.write_record({"name": "round1", "status": "unfinished"})
    assert describe_run(run)["epochs_done"] == 0
    assert describe_run(run)["last_epoch"] == {}
    table = pd.DataFrame({"epoch": [0, 1], "loss": [2.0, 1.5], "val_dice": [0.5, float("nan")]})
    table.to_csv(run.metrics_path, index=False)
    facts = describe_run(run)
    assert facts["status"] == "unfinished"
    assert facts["epochs_done"] == 2
    assert facts["last_epoch"] == {"epoch": 1, "loss": 1.5}
    json.dumps(facts, allow_nan=False)
