"""What happens beside the optimisation: checkpoints, the table of metrics, curves, and progress."""

from __future__ import annotations

from typing import Any

import lightning
import pandas as pd
from lightning.pytorch.callbacks import Callback, Checkpoint

from ulskit.figures import save_training_curves
from ulskit.files import replacing, write_text
from ulskit.model.training.module import LesionSegmenter
from ulskit.progress import Advance
from ulskit.runs import CheckpointKind, RunFolder


class EpochKeeper(Checkpoint):
    """Ends each epoch: closes its figures, keeps last.ckpt and best.ckpt, then writes metrics.csv and curves.png.

    The checkpoint comes first and is replaced as a whole. The table is written from the history inside it, so the
    table can lag behind the checkpoint after a crash, but never contradict it.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Lightning calls this after validation and after all other callbacks."""
        assert isinstance(module, LesionSegmenter)
        row = module.end_epoch()
        for logger in trainer.loggers:
            logger.log_metrics(row, step=int(row["epoch"]))
        best = max(module.history, key=lambda entry: entry.get("val_dice", 0.0))
        improved = row is best or "val_dice" not in row
        kinds: list[CheckpointKind] = ["best", "last"] if improved else ["last"]
        for kind in kinds:
            path = self.run.checkpoint_path(kind)
            if trainer.is_global_zero:
                with replacing(path) as temporary:
                    trainer.save_checkpoint(temporary)
            else:
                trainer.save_checkpoint(path)  # takes part in gathering; only the first process writes
        if trainer.is_global_zero:
            write_history(self.run, module.history)


class EpochProgress(Callback):
    """Advances the progress of the caller batch by batch."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """After a resume, the batches of the epochs before are done."""
        self.advance(trainer.current_epoch * int(trainer.num_training_batches))

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One batch further."""
        loss = float(outputs["loss"])
        self.advance(1, note=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs} · loss {loss:.3f}")


def write_history(run: RunFolder, history: list[dict[str, float]]) -> None:
    """Write metrics.csv and curves.png from the figures of all epochs so far."""
    table = pd.DataFrame(history)
    write_text(run.metrics_path, table.to_csv(index=False))
    with replacing(run.curves_path) as temporary:
        save_training_curves(table, temporary)
