"""Label sets: written lesion by lesion, resumed, extended, and never over another by accident."""

from pathlib import Path

import numpy as np
import pytest

from ulskit.errors import DataError, StoreError, UsageError
from ulskit.store import open_store, schema, write_labels
from ulskit.types import FOREGROUND, IGNORE


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(schema, "LESIONS_PER_SHARD", 3)


def value_of(store, factor=1):
    """A label that is another for every lesion, with all three values."""

    def make(lesion):
        label = np.zeros(store.shape_of(lesion), np.uint8)
        label[lesion, : factor * 3] = FOREGROUND
        label[lesion + 20, 5:] = IGNORE
        return label

    return make


def only(*lesions):
    return np.isin(np.arange(8), lesions)


def mtimes(store, name):
    return {path: path.stat().st_mtime_ns for path in Path(store.location, "labels", name).rglob("*")}


@pytest.mark.parametrize(
    ("name", "workers"), [("round2", 1), ("predicted/run1", 3), ("a/b/c", 1), ("truth.v2", 3), ("A-b_c.d", 1)]
)
def test_what_is_written_is_read(store, name, workers):
    make = value_of(store)
    assert write_labels(store, name, make, made={"by": "test"}, workers=workers) == 8
    again = open_store(store.location)
    assert name in again.labels()
    for lesion in range(8):
        np.testing.assert_array_equal(again.label(name, lesion), make(lesion))
    assert again.labelled(name).all()
    assert again.label_made(name) == {"by": "test"}
    assert len(again.label_recipe(name)) == 32


def test_a_name_that_is_no_name_is_refused(store):
    for name in ("", "/", "a/", "/a", "a//b", "../a", "a/../b", ".hidden", "a b", "ä", "a\\b", "a\n"):
        with pytest.raises(UsageError, match="use letters, digits"):
            write_labels(store, name, value_of(store), made={})


def test_no_label_set_lies_within_another(store):
    write_labels(store, "predicted/run1", value_of(store), made={"by": "a"})
    for name in ("round1/mask", "round1/x", "predicted/run1/y"):
        with pytest.raises(UsageError, match="is a label set itself, choose another name"):
            write_labels(store, name, value_of(store), made={}, overwrite=True)
    with pytest.raises(UsageError, match="there are label sets predicted/…"):
        write_labels(store, "predicted", value_of(store), made={}, overwrite=True)
    assert store.labels() == ["predicted/run1", "round1", "truth"]
    assert store.label("round1", 0).any()


def test_the_same_again_does_nothing(store):
    write_labels(store, "a", value_of(store), made={"by": "x", "time": "1"})
    before = mtimes(store, "a")

    def never(lesion):
        raise AssertionError("made again")

    assert write_labels(store, "a", never, made={"by": "x", "time": "2"}) == 8
    assert mtimes(store, "a") == before


def test_another_recipe_is_refused_and_replaced_only_when_told_so(store):
    write_labels(store, "a", value_of(store), made={"by": "x"})
    with pytest.raises(StoreError, match=r"labels 'a' exist already, made from something else: .* --overwrite"):
        write_labels(store, "a", value_of(store, 2), made={"by": "y"})
    np.testing.assert_array_equal(store.label("a", 1), value_of(store)(1))
    assert write_labels(store, "a", value_of(store, 2), made={"by": "y"}, lesions=only(1), overwrite=True) == 1
    np.testing.assert_array_equal(store.label("a", 1), value_of(store, 2)(1))
    assert store.labelled("a").tolist() == only(1).tolist()
    assert not store.label("a", 0).any()


@pytest.mark.parametrize("at", [0, 4, 7])
def test_interrupted_it_is_unfinished_and_goes_on_where_it_was(store, at, ticks):
    made, calls = value_of(store), []

    def interrupted(lesion):
        if lesion == at:
            raise KeyboardInterrupt
        return made(lesion)

    with pytest.raises(KeyboardInterrupt):
        write_labels(store, "a", interrupted, made={"by": "x"}, workers=1)
    assert "a" not in store.labels()
    with pytest.raises(StoreError, match=r"labels 'a' of .* are unfinished: run again the command that makes them"):
        store.label("a", 0)
    fresh = open_store(store.location)

    def counted(lesion):
        calls.append(lesion)
        return made(lesion)

    assert write_labels(fresh, "a", counted, made={"by": "x"}, workers=1, progress=ticks) == 8
    assert calls[:1] == [at - at % 3]  # shards before it are stored; of those after it perhaps some
    assert set(calls) <= set(range(at - at % 3, 8))
    assert ticks.tasks == {"a": (8, 8)}
    for lesion in range(8):
        np.testing.assert_array_equal(fresh.label("a", lesion), made(lesion))


def test_an_unfinished_set_of_another_recipe_is_begun_anew(store):
    def fails(lesion):
        if lesion == 4:
            raise KeyboardInterrupt
        return value_of(store)(lesion)

    with pytest.raises(KeyboardInterrupt):
        write_labels(store, "a", fails, made={"by": "x"}, workers=1)
    assert write_labels(store, "a", value_of(store, 2), made={"by": "y"}) == 8
    np.testing.assert_array_equal(store.label("a", 0), value_of(store, 2)(0))


def test_a_set_whose_extension_was_interrupted_is_not_lost_to_another_recipe(store):
    def fails(lesion):
        raise KeyboardInterrupt

    write_labels(store, "a", value_of(store), made={"by": "x"}, lesions=only(1))
    with pytest.raises(KeyboardInterrupt):
        write_labels(store, "a", fails, made={"by": "x"}, lesions=only(5))
    with pytest.raises(StoreError, match="exist already"):
        write_labels(store, "a", value_of(store), made={"by": "y"})
    assert write_labels(store, "a", value_of(store), made={"by": "x"}, lesions=only(5)) == 2


def test_more_lesions_are_added_to_those_there_are(store):
    calls = []

    def make(lesion):
        calls.append(lesion)
        return value_of(store)(lesion)

    assert write_labels(store, "a", make, made={"by": "x"}, lesions=only(1, 4)) == 2
    assert store.labelled("a").tolist() == only(1, 4).tolist()
    assert write_labels(store, "a", make, made={"by": "x"}, lesions=only(4, 5, 7)) == 4
    assert write_labels(store, "a", make, made={"by": "x"}, lesions=only(1)) == 4
    assert sorted(calls) == [1, 4, 5, 7]
    assert store.labelled("a").tolist() == only(1, 4, 5, 7).tolist()
    for lesion in range(8):
        expected = value_of(store)(lesion) if lesion in (1, 4, 5, 7) else np.zeros((64, 64), np.uint8)
        np.testing.assert_array_equal(store.label("a", lesion), expected)


@pytest.mark.parametrize(
    "label", [np.zeros((64, 64), bool), np.zeros((64, 63), np.uint8), np.zeros((1, 64, 64), np.uint8), np.zeros(64)]
)
def test_what_is_no_label_of_its_slice_is_refused(store, label):
    with pytest.raises(DataError, match=r"lesion 0: expected a uint8 label of shape \(64, 64\), got"):
        write_labels(store, "a", lambda lesion: label, made={}, workers=1)
    assert "a" not in store.labels()


def test_an_empty_label_is_a_label(store):
    write_labels(store, "a", lambda lesion: np.zeros((64, 64), np.uint8), made={}, lesions=only(2))
    assert store.labelled("a").tolist() == only(2).tolist()


def test_a_reader_sees_what_was_written_over(store):
    write_labels(store, "a", value_of(store), made={"by": "x"})
    assert store.label("a", 3).any()
    write_labels(store, "a", lambda lesion: np.zeros((64, 64), np.uint8), made={"by": "y"}, overwrite=True)
    assert not store.label("a", 3).any()


def test_an_interrupted_replacement_is_unfinished(store, monkeypatch):
    import zarr

    write_labels(store, "a", value_of(store), made={"by": "x"})

    def interrupted(self, key):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(zarr.Group, "__delitem__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_labels(store, "a", value_of(store, 2), made={"by": "y"}, overwrite=True)
    again = open_store(store.location)
    assert "a" not in again.labels()
    assert write_labels(again, "a", value_of(store, 2), made={"by": "y"}) == 8
    np.testing.assert_array_equal(again.label("a", 5), value_of(store, 2)(5))
