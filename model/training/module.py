"""The Lightning module: network, losses, optimiser and schedule of one run."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from torch import Tensor

from ulskit.model.feeding.augmentation import Batch, make_batch
from ulskit.model.feeding.batches import TileBatch
from ulskit.model.losses import create_loss
from ulskit.model.networks import create_model
from ulskit.model.training.convergence import ConvergenceRule
from ulskit.model.training.settings import TrainingSettings
from ulskit.types import FOREGROUND, IGNORE

CHECKPOINT_FORMAT = 1


class LesionSegmenter(lightning.LightningModule):
    """Trains one network on one label set.

    ``history`` holds one row of figures per epoch; it travels in the checkpoint, so that a resumed run has the table
    of an uninterrupted one.
    """

    def __init__(self, settings: TrainingSettings, *, made: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.made = made or {}
        network = settings.network
        self.network = create_model(
            network.name, pretrained=network.pretrained, weights=network.weights, **network.options
        ).to(memory_format=torch.channels_last)
        self.segmentation_loss = create_loss(settings.segmentation_loss)
        level_set = settings.level_set
        self.level_set_loss = None if level_set.loss == "none" else create_loss(level_set.loss, **level_set.options)
        self.rule = ConvergenceRule(level_set, settings.epochs)
        self.history: list[dict[str, float]] = []
        self._epoch_started = 0.0
        self._images = 0
        self._learning_rate = settings.learning_rate

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image ``[n, c, y, x]`` → probability maps, coarse to fine."""
        maps: tuple[Tensor, ...] = self.network(image)
        return maps

    def transfer_batch_to_device(self, batch: TileBatch, device: torch.device, dataloader_idx: int) -> TileBatch:
        """Tiles go to the device as they are, 16 bits a pixel; all else is made there."""
        tiles = batch.tiles.to(device, non_blocking=True)
        return TileBatch(tiles=tiles, draws=batch.draws.to(device), size=batch.size)

    def on_after_batch_transfer(self, batch: TileBatch, dataloader_idx: int) -> Batch:
        """Augment on the device."""
        return make_batch(batch.tiles, batch.draws, batch.size)

    def on_train_epoch_start(self) -> None:
        """Start the clock of the epoch, and note its rate before the scheduler steps."""
        self._epoch_started, self._images = time.perf_counter(), 0
        self._learning_rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """ℓ_seg, and from the epoch the rule gives, weight · ℓ_rls on the finest map."""
        maps = self(batch.image.contiguous(memory_format=torch.channels_last))
        segmentation: Tensor = self.segmentation_loss(maps, batch.label)
        loss = segmentation
        figures = {"segmentation_loss": segmentation}
        if self.level_set_loss is not None:
            with torch.set_grad_enabled(self.rule.active(self.current_epoch)):
                level_set = self.level_set_loss(maps[-1], batch.intensity, batch.region)
            figures["level_set_loss"] = level_set
            if self.rule.active(self.current_epoch):
                loss = loss + self.settings.level_set.weight * level_set
        n = len(batch.image)
        self._images += n
        self.log_dict({"loss": loss, **figures}, on_step=False, on_epoch=True, batch_size=n, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Segmentation loss and Dice against the label set, ignored pixels left out."""
        maps = self(batch.image.contiguous(memory_format=torch.channels_last))
        figures = {
            "val_segmentation_loss": self.segmentation_loss(maps, batch.label),
            "val_dice": _dice(maps[-1], batch.label).mean(),
        }
        self.log_dict(figures, on_step=False, on_epoch=True, batch_size=len(batch.image), sync_dist=True)

    def end_epoch(self) -> dict[str, float]:
        """Close the figures of the epoch that has ended; called once all hooks have logged."""
        metrics = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        seconds = time.perf_counter() - self._epoch_started
        row = {
            "epoch": self.current_epoch,
            "learning_rate": self._learning_rate,
            "level_set_active": int(self.rule.active(self.current_epoch)),
            **dict(sorted(metrics.items())),
            "seconds": seconds,
            "images_per_second": self._images * self.trainer.world_size / seconds,
        }
        self.rule.update(row["segmentation_loss"])
        self.history.append(row)
        return row

    def configure_optimizers(self) -> Any:
        """Adam, the rate falling by ``decay`` at each milestone (paper, section 3: ×0.1 at 40 and 60 of 80)."""
        settings = self.settings
        optimizer = torch.optim.Adam(self.parameters(), lr=settings.learning_rate)
        falls = [max(round(share * settings.epochs), 1) for share in settings.milestones]
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda epoch: settings.decay ** sum(epoch >= fall for fall in falls)
        )
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Plain values only: a checkpoint loads with ``weights_only=True`` and runs no code."""
        checkpoint["ulskit"] = {
            "format": CHECKPOINT_FORMAT,
            "settings": self.settings.model_dump(mode="json"),
            "made": self.made,
            "rule": self.rule.state_dict(),
            "history": self.history,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up rule and history."""
        self.rule.load_state_dict(checkpoint["ulskit"]["rule"])
        self.history = list(checkpoint["ulskit"]["history"])


def _dice(probability: Tensor, label: Tensor) -> Tensor:
    """Dice of the thresholded map against a tri-state label, per image ``[n]``; ignored pixels out; 1 if both empty."""
    valid = label != IGNORE
    predicted = (probability >= 0.5) & valid
    truth = label == FOREGROUND
    axes = (1, 2, 3)
    total = predicted.sum(axes) + truth.sum(axes)
    return torch.where(total > 0, 2 * (predicted & truth).sum(axes) / total.clamp(min=1), 1.0)
