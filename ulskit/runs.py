"""Run folders: what a training run leaves on disk. Reading them needs no torch.

runs/round1/
  run.json        name, status, settings, store, labels, versions, time
  settings.yaml   the settings again, ready for --settings
  metrics.csv     one row per epoch
  curves.png
  checkpoints/    last.ckpt, best.ckpt
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ulskit.errors import RunError
from ulskit.files import write_text

if TYPE_CHECKING:
    import pandas as pd

CheckpointKind = Literal["last", "best"]


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, existing or to be made."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").is_file()

    @property
    def metrics_path(self) -> Path:
        """Table of one row per epoch."""
        return self.path / "metrics.csv"

    @property
    def curves_path(self) -> Path:
        """Figure of the training curves."""
        return self.path / "curves.png"

    def record(self) -> dict[str, Any]:
        """What made the run.

        Raises:
            RunError: no run here, or its record is damaged.
        """
        try:
            record = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"no run {self.path}: make one with `ulskit train`") from error
        except (ValueError, OSError) as error:
            raise RunError(f"{self.path / 'run.json'} is damaged: {error}") from error
        if not isinstance(record, dict):
            raise RunError(f"{self.path / 'run.json'} is damaged: expected names and values")
        return record

    def write_record(self, record: dict[str, Any]) -> None:
        """Write run.json, as a whole."""
        write_text(self.path / "run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.exists and self.record().get("status") == "finished"

    def checkpoint_path(self, kind: CheckpointKind = "last") -> Path:
        """Where a checkpoint is kept."""
        return self.path / "checkpoints" / f"{kind}.ckpt"

    def checkpoint(self, kind: CheckpointKind = "last") -> Path:
        """A checkpoint of a finished run.

        Raises:
            RunError: no such run, it is unfinished, or it kept no such checkpoint.
        """
        if self.record().get("status") != "finished":
            raise RunError(f"run {self.path} is unfinished: run the same `ulskit train` again to finish it")
        path = self.checkpoint_path(kind)
        if not path.is_file():
            raise RunError(f"run {self.path} has no checkpoint {kind!r}")
        return path

    def metrics(self) -> pd.DataFrame:
        """One row per epoch; empty before the first has ended."""
        import pandas as pd

        return pd.read_csv(self.metrics_path) if self.metrics_path.is_file() else pd.DataFrame()


def list_runs(folder: Path) -> list[RunFolder]:
    """The runs in a folder, oldest first."""
    found = [RunFolder(path.parent) for path in folder.glob("*/run.json")]
    return sorted(found, key=lambda run: (run.record().get("made", {}).get("time", ""), run.name))


def latest_run(folder: Path) -> RunFolder:
    """The finished run that was begun last.

    Raises:
        RunError: there is none.
    """
    finished = [run for run in list_runs(folder) if run.finished]
    if not finished:
        raise RunError(f"no finished run in {folder}: make one with `ulskit train`")
    return finished[-1]
