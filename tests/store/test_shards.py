"""Shard by shard: whatever interrupts the writing, the second call ends as one call would have."""

import threading

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from ulskit.progress import silent
from ulskit.store.schema import ArraySpec, image_array, mask_array
from ulskit.store.shards import ABSENT, PENDING, STORED, create_array, write_shards


def spec_of(count, per_shard=3, **changes):
    facts = {
        "name": "image",
        "count": count,
        "item_shape": (5, 4),
        "chunk_shape": (3, 4),
        "per_shard": per_shard,
        "dtype": np.dtype(np.int16),
        "fill_value": -9,
        "dimension": "slice",
    }
    return ArraySpec(**{**facts, **changes})


def new_group(spec):
    group = zarr.open_group(MemoryStore(), mode="w", zarr_format=3)
    create_array(group, spec)
    return group


def items_of(spec):
    return np.arange(spec.count * 20, dtype=np.int16).reshape(spec.count, 5, 4)


def write(group, spec, *, fails=(), absent=(), wanted=None, workers=1, seen=None):
    """Write ``items_of(spec)``; items in ``fails`` raise, those in ``absent`` hold nothing."""
    values = items_of(spec)

    def make(items, step):
        block, marks = values[items].copy(), np.full(items.stop - items.start, STORED, np.uint8)
        for at, item in enumerate(range(items.start, items.stop)):
            if item in fails:
                raise KeyboardInterrupt
            if item in absent:
                block[at], marks[at] = spec.fill_value, ABSENT
            if seen is not None:
                seen.append(item)
            step()
        return block, marks

    write_shards(group, spec, make, wanted=wanted, workers=workers, progress=silent, description="x")


@settings(max_examples=20)
@given(
    count=st.integers(1, 11), per_shard=st.integers(1, 5), fails=st.sets(st.integers(0, 10)), workers=st.integers(1, 3)
)
def test_interrupted_and_called_again_it_ends_as_uninterrupted(count, per_shard, fails, workers):
    spec = spec_of(count, per_shard)
    group = new_group(spec)
    try:
        write(group, spec, fails=fails, workers=workers)
    except KeyboardInterrupt:
        assert (group["status"][:] == PENDING).any()
    # What has its mark is whole at every moment.
    stored = group["status"][:] == STORED
    np.testing.assert_array_equal(group["image"][:][stored], items_of(spec)[stored])
    seen = []
    write(group, spec, seen=seen, workers=workers)
    assert not stored[seen].any()
    np.testing.assert_array_equal(group["image"][:], items_of(spec))
    assert (group["status"][:] == STORED).all()


@settings(max_examples=20)
@given(count=st.integers(1, 9), absent=st.sets(st.integers(0, 8)))
def test_what_is_absent_is_looked_at_again_and_nothing_else(count, absent):
    spec = spec_of(count, per_shard=1)
    group = new_group(spec)
    write(group, spec, absent=absent)
    there = {item for item in absent if item < count}
    assert set(np.flatnonzero(group["status"][:] == ABSENT)) == there
    seen = []
    write(group, spec, seen=seen)
    assert set(seen) == there


@settings(max_examples=20)
@given(count=st.integers(1, 9), data=st.data())
def test_only_shards_that_are_wanted_are_written(count, data):
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    spec = spec_of(count, per_shard=2)
    group, seen = new_group(spec), []
    write(group, spec, wanted=wanted, seen=seen)
    shards = {item // 2 for item in np.flatnonzero(wanted)}
    assert {item // 2 for item in seen} == shards


def test_an_interruption_need_not_wait_for_other_shards():
    spec = spec_of(200, per_shard=100)
    group, steps, ready = new_group(spec), [], threading.Event()

    def make(items, step):
        if items.start == 0:
            ready.wait(10)
            raise KeyboardInterrupt
        for item in range(items.start, items.stop):
            ready.set()
            step()
            steps.append(item)
            threading.Event().wait(0.01)
        raise AssertionError("the second shard went on to its end")

    with pytest.raises(KeyboardInterrupt):
        write_shards(group, spec, make, workers=2, progress=silent, description="x")
    assert len(steps) < 100


def test_an_error_of_one_shard_is_raised_as_it_is():
    spec = spec_of(6)

    def make(items, step):
        raise ValueError(f"shard at {items.start}")

    with pytest.raises(ValueError, match="shard at"):
        write_shards(new_group(spec), spec, make, workers=2, progress=silent, description="x")


def test_progress_begins_with_what_is_done(ticks):
    spec = spec_of(8)
    group = new_group(spec)
    with pytest.raises(KeyboardInterrupt):
        write(group, spec, fails={6})

    def make(items, step):
        for _ in range(items.start, items.stop):
            step()
        return items_of(spec)[items], np.full(items.stop - items.start, STORED, np.uint8)

    write_shards(group, spec, make, workers=1, progress=ticks, description="slices")
    assert ticks.tasks == {"slices": (8, 8)}
    write_shards(group, spec, make, workers=1, progress=ticks, description="slices")
    assert ticks.tasks == {"slices": (8, 8)}


def test_items_that_were_never_written_have_the_fill_value():
    group = new_group(spec_of(2))
    assert (group["image"][:] == -9).all()
    assert group["image"].metadata.dimension_names == ("slice", "y", "x")
    assert group["status"].metadata.dimension_names == ("slice",)


@pytest.mark.parametrize(("count", "shards"), [(1, 1), (64, 1), (65, 2)])
def test_images_lie_64_to_a_shard_and_one_to_a_chunk(count, shards):
    spec = image_array(count, (768, 768), (512, 512))
    assert spec.shards == shards
    array = new_group(spec)["image"]
    assert (array.chunks, array.shards, array.dtype) == ((1, 512, 512), (64, 1024, 1024), np.int16)


def test_masks_lie_256_to_a_shard():
    array = new_group(mask_array(3, (64, 80), (64, 80)))["mask"]
    assert (array.chunks, array.shards, array.dtype) == ((1, 64, 80), (256, 64, 80), np.uint8)
