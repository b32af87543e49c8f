"""Which lesions make up which batch: a pure function of seed, epoch and number, so that a resumed run sees the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ulskit.model.feeding.augmentation import AugmentationSettings, Draws, draw, unchanged
from ulskit.model.feeding.roi import RoiSettings
from ulskit.model.feeding.tiles import Tiles

BatchKey = tuple[int, int]
"""Epoch and number of a batch in it."""


@dataclass(frozen=True, kw_only=True)
class TileBatch:
    """Tiles of a batch, how to change them, and the input size they share."""

    tiles: Tiles
    draws: Draws
    size: int


class TrainingBatches(Dataset[TileBatch]):
    """Shuffled, augmented batches; within a batch all have one size, drawn from the paper's range."""

    def __init__(
        self, tiles: Tiles, *, batch_size: int, roi: RoiSettings, augmentation: AugmentationSettings, seed: int
    ) -> None:
        self.tiles, self.batch_size, self.roi, self.augmentation, self.seed = tiles, batch_size, roi, augmentation, seed
        self._epoch: tuple[int, torch.Tensor, Draws, list[int]] | None = None

    def __len__(self) -> int:
        return math.ceil(len(self.tiles) / self.batch_size)

    def __getitem__(self, key: BatchKey) -> TileBatch:
        epoch, number = key
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = (epoch, *self._plan(epoch))
        _, order, draws, sizes = self._epoch
        items = slice(number * self.batch_size, (number + 1) * self.batch_size)
        return TileBatch(tiles=self.tiles[order[items]], draws=draws[items], size=sizes[number])

    def _plan(self, epoch: int) -> tuple[torch.Tensor, Draws, list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.tiles), generator=generator)
        draws = draw(len(self.tiles), self.augmentation, generator)
        choices = self.roi.sizes()
        picks = torch.randint(len(choices), (len(self),), generator=generator)
        return order, draws, [choices[int(pick)] for pick in picks]


class ValidationBatches(Dataset[TileBatch]):
    """Batches in the order of the store, nothing changed, at the size halfway between the bounds."""

    def __init__(self, tiles: Tiles, *, batch_size: int, roi: RoiSettings) -> None:
        self.tiles, self.batch_size = tiles, batch_size
        sizes = roi.sizes()
        self.size = sizes[len(sizes) // 2]

    def __len__(self) -> int:
        return math.ceil(len(self.tiles) / self.batch_size)

    def __getitem__(self, key: BatchKey) -> TileBatch:
        items = torch.arange(len(self.tiles))[key[1] * self.batch_size : (key[1] + 1) * self.batch_size]
        return TileBatch(tiles=self.tiles[items], draws=unchanged(len(items)), size=self.size)


class EpochSampler(Sampler[BatchKey]):
    """Keys of this process's batches; Lightning tells it the epoch, also after a resume."""

    def __init__(self, batches: int, *, rank: int = 0, world: int = 1) -> None:
        self.batches, self.rank, self.world = batches, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self.batches / self.world)

    def __iter__(self) -> Iterator[BatchKey]:
        for step in range(len(self)):  # the last round wraps, so that every process takes as many steps
            yield self.epoch, (step * self.world + self.rank) % self.batches


def loader(batches: TrainingBatches | ValidationBatches, *, rank: int = 0, world: int = 1) -> DataLoader[TileBatch]:
    """Loader over whole batches; they are indexed from memory, so no worker processes are needed."""
    sampler = EpochSampler(len(batches), rank=rank, world=world)
    return DataLoader(batches, batch_size=None, sampler=sampler)
