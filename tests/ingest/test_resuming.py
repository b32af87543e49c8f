"""An ingest may end at any moment: what is half done cannot be opened, and goes on where it was."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

import ulskit
from ulskit.errors import StoreError
from ulskit.ingest import deeplesion, ingest_deeplesion
from ulskit.store import schema


def assert_equal_stores(one, other):
    for name in ("slices", "lesions", "rejected"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.root["slices/image"][:], other.root["slices/image"][:])
    np.testing.assert_array_equal(one.endpoints_xy, other.endpoints_xy)
    assert one.digest == other.digest


@pytest.fixture
def many(folder, monkeypatch):
    monkeypatch.setattr(schema, "SLICES_PER_SHARD", 4)
    for patient in range(1, 15):
        folder.add(patient=patient, image=folder.noise(64, patient) if patient != 6 else b"damaged")
    return folder


def interrupt(monkeypatch, name, after):
    """Let the ``after``-th call of a function of the ingest end as Ctrl-C does."""
    calls, real = [], getattr(deeplesion, name)

    def function(*args, **kwargs):
        calls.append(args)
        if len(calls) > after:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(deeplesion, name, function)
    return calls


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("after", [0, 5, 12])
def test_an_interrupted_ingest_goes_on_to_the_same_store(many, monkeypatch, after, workers):
    whole = many.ingest("whole.zarr")
    with monkeypatch.context() as patch:
        interrupt(patch, "decode_png", after)
        with pytest.raises(KeyboardInterrupt):
            many.ingest(workers=workers)
    location = many.path.parent / "ulskit.zarr"
    with pytest.raises(StoreError, match="was interrupted: run the same `ulskit ingest` again"):
        ulskit.open(location)
    assert_equal_stores(many.ingest(workers=workers), whole)


def test_shards_that_are_stored_are_not_read_again(many, monkeypatch, ticks):
    with monkeypatch.context() as patch:
        interrupt(patch, "decode_png", 9)
        with pytest.raises(KeyboardInterrupt):
            many.ingest(workers=1)
    with monkeypatch.context() as patch:
        calls = interrupt(patch, "decode_png", 1000)
        many.ingest(workers=1, progress=ticks)
    assert len(calls) == 13 - 8
    assert ticks.tasks == {"slices": (13, 13)}


@pytest.mark.parametrize(
    ("step", "after"), [("create_array", 0), ("_store_tables", 0), ("write_table", 0), ("write_table", 2), ("seal", 0)]
)
def test_an_interruption_between_the_steps_is_none_for_ever(many, monkeypatch, step, after):
    whole = many.ingest("whole.zarr")
    with monkeypatch.context() as patch:
        interrupt(patch, step, after)
        with pytest.raises(KeyboardInterrupt):
            many.ingest()
    assert_equal_stores(many.ingest(), whole)


def test_a_second_ingest_does_nothing(many, monkeypatch):
    many.ingest()
    location = many.path.parent / "ulskit.zarr"
    before = {path: path.stat().st_mtime_ns for path in location.rglob("*")}
    interrupt(monkeypatch, "decode_png", 0)
    assert len(many.ingest()) == 13
    assert {path: path.stat().st_mtime_ns for path in location.rglob("*")} == before


@pytest.mark.parametrize("change", ["row", "file", "context"])
def test_another_source_is_refused_and_replaced_only_when_told_so(many, change):
    many.add(patient=20)
    many.ingest()
    options = {}
    if change == "row":
        many.rows.pop()
    elif change == "file":
        many.png("000003_01_01", 5).unlink()
    else:
        options["context_slices"] = 1
    if change == "context":
        many.put("000003_01_01", 4, many.noise(64, 99))
    with pytest.raises(StoreError, match=r"was made from other files than .* name another --store, or add --overwrite"):
        many.ingest(**options)
    assert_equal_stores(many.ingest(overwrite=True, **options), many.ingest("other.zarr", **options))


def test_an_interrupted_overwrite_leaves_no_store_that_can_be_opened(many, monkeypatch):
    many.ingest()
    many.rows.pop()

    def create_group(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(zarr, "create_group", create_group)
        with pytest.raises(KeyboardInterrupt):
            many.ingest(overwrite=True)
    with pytest.raises(StoreError, match="was interrupted"):
        ulskit.open(many.path.parent / "ulskit.zarr")
    assert len(many.ingest()) == 12


def test_a_folder_of_other_things_is_never_emptied(many):
    location = many.path.parent / "ulskit.zarr"
    location.mkdir()
    (location / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(StoreError, match=r"holds other files \(thesis\.tex\), which would be lost"):
            many.ingest(overwrite=overwrite)
    assert (location / "thesis.tex").read_text() == "years of work"


def test_another_programs_zarr_is_never_replaced(many):
    location = many.path.parent / "ulskit.zarr"
    zarr.open_group(location, mode="w", zarr_format=3).create_array("precious", shape=(3,), dtype="i4")
    for overwrite in (False, True):
        with pytest.raises(StoreError, match="no ulskit store of format 1"):
            many.ingest(overwrite=overwrite)
    assert "precious" in zarr.open_group(location, mode="r")


def test_a_file_in_place_of_the_store_is_kept(many):
    location = many.path.parent / "ulskit.zarr"
    location.write_text("a file")
    with pytest.raises(StoreError, match="cannot be opened as a store"):
        many.ingest(overwrite=True)
    assert location.read_text() == "a file"


KILLED = """
import sys, time
from ulskit.ingest import deeplesion
from ulskit.store import schema
schema.SLICES_PER_SHARD = 4
real = deeplesion.decode_png
def slow(data):
    time.sleep(0.01)
    return real(data)
deeplesion.decode_png = slow
print("ready", flush=True)
deeplesion.ingest_deeplesion(sys.argv[1], sys.argv[2], workers=2)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(many):
    for patient in range(20, 60):
        many.add(patient=patient)
    whole, location = many.ingest("whole.zarr"), many.path.parent / "killed.zarr"
    for moment in np.random.default_rng(5).uniform(0, 0.3, 5):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(many.path), str(location)], stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.kill()
        if process.returncode == 0:
            break
        if Path(location / "zarr.json").exists() and not zarr.open_group(location, mode="r").attrs.get("complete"):
            with pytest.raises(StoreError):
                ulskit.open(location)
    assert_equal_stores(ingest_deeplesion(many.path, location), whole)
