"""When the level set term joins: once the segmentation loss has converged (paper, section 2.3)."""

from __future__ import annotations

import math

from ulskit.model.training.settings import LevelSetSettings


class ConvergenceRule:
    """Watches the segmentation loss of each epoch and says from when on the level set term counts.

    The loss has converged once the best of the last ``patience`` epochs is not lower, by the share
    ``min_improvement``, than the best before them. Whatever the loss does, the term joins after the share ``latest``
    of the epochs. A number as ``start`` replaces the rule.
    """

    def __init__(self, settings: LevelSetSettings, epochs: int) -> None:
        self.settings = settings
        self.latest = math.ceil(settings.latest * epochs)
        self.losses: list[float] = []
        self.since: int | None = 0 if settings.start == 0 else None

    def update(self, segmentation_loss: float) -> None:
        """Take the mean segmentation loss of an epoch that has ended."""
        self.losses.append(segmentation_loss)
        if self.since is None and self._joins():
            self.since = len(self.losses)

    def active(self, epoch: int) -> bool:
        """Whether the term counts in an epoch (counted from 0)."""
        return self.settings.loss != "none" and self.since is not None and epoch >= self.since

    def _joins(self) -> bool:
        done = len(self.losses)
        if self.settings.start != "converged":
            return done >= self.settings.start
        if done >= self.latest:
            return True
        patience = self.settings.patience
        if done <= patience:
            return False
        before, recent = min(self.losses[:-patience]), min(self.losses[-patience:])
        return recent > before * (1 - self.settings.min_improvement)

    def state_dict(self) -> dict[str, object]:
        """What a checkpoint keeps."""
        return {"losses": self.losses, "since": self.since}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take up what a checkpoint kept."""
        losses, since = state["losses"], state["since"]
        assert isinstance(losses, list)
        assert since is None or isinstance(since, int)
        self.losses, self.since = list(losses), since
