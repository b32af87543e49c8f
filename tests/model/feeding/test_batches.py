"""Batches: every lesion once an epoch, the same for the same seed and epoch, shared out over processes."""

import torch

from ulskit.model.feeding.augmentation import AugmentationSettings
from ulskit.model.feeding.batches import EpochSampler, TrainingBatches, ValidationBatches, loader
from ulskit.model.feeding.roi import RoiSettings
from ulskit.model.feeding.tiles import Tiles


def numbered(n: int) -> Tiles:
    return Tiles(
        image=torch.arange(n, dtype=torch.int16).view(n, 1, 1).expand(n, 8, 8),
        label=torch.zeros(n, 8, 8, dtype=torch.uint8),
        region=torch.zeros(n, 8, 8, dtype=torch.bool),
        center_xy=torch.zeros(n, 2),
        side_px=torch.ones(n),
        window_hu=torch.zeros(n, 2),
    )


def batches(seed: int = 0, n: int = 23) -> TrainingBatches:
    return TrainingBatches(numbered(n), batch_size=4, roi=RoiSettings(), augmentation=AugmentationSettings(), seed=seed)


def order(data: TrainingBatches, epoch: int) -> list[int]:
    return [int(v) for k in range(len(data)) for v in data[(epoch, k)].tiles.image[:, 0, 0]]


def test_every_lesion_comes_once_an_epoch():
    assert sorted(order(batches(), 0)) == list(range(23))


def test_order_and_draws_depend_on_seed_and_epoch_alone():
    one, other = batches(), batches()
    order(one, 0)
    assert order(one, 5) == order(other, 5)
    torch.testing.assert_close(one[(5, 2)].draws.angle, other[(5, 2)].draws.angle)
    assert order(one, 5) != order(one, 6)
    assert order(batches(1), 5) != order(one, 5)


def test_sizes_are_those_of_the_paper():
    data = batches(n=400)
    assert {data[(0, k)].size for k in range(len(data))} == {128, 160, 192, 224, 256}


def test_processes_share_the_batches_and_take_equally_many_steps():
    shares = [list(EpochSampler(7, rank=rank, world=3)) for rank in range(3)]
    assert {len(share) for share in shares} == {3}
    assert {number for share in shares for _, number in share} == set(range(7))


def test_the_loader_follows_the_epoch_it_is_told():
    data = batches()
    loading = loader(data)
    loading.sampler.set_epoch(4)
    seen = [int(v) for batch in loading for v in batch.tiles.image[:, 0, 0]]
    assert seen == order(data, 4)


def test_validation_keeps_the_order_of_the_store():
    data = ValidationBatches(numbered(9), batch_size=4, roi=RoiSettings())
    assert [int(v) for batch in loader(data) for v in batch.tiles.image[:, 0, 0]] == list(range(9))
