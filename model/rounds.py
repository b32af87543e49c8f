"""The whole method: label, train, refine, train again … then predict; every step goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ulskit.errors import UsageError
from ulskit.labels import label_first_round, round_name
from ulskit.model.prediction.store import label_round, predict_store
from ulskit.model.training.settings import TrainingSettings
from ulskit.model.training.train import train
from ulskit.progress import Progress, silent
from ulskit.runs import RunFolder
from ulskit.store import Store


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round that has ended."""

    number: int
    labels: str
    run: RunFolder
    predicted: str


def run_rounds(
    store: Store,
    runs: Path,
    settings: TrainingSettings,
    *,
    rounds: int = 3,
    method: str = "quarter",
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> Iterator[Round]:
    """Run the method round by round, yielding each when it has ended (paper, section 2.3: three rounds).

    Each round is retrained as the first, with the same settings and seed. What is done already is not done again.

    Args:
        runs: folder of the run folders ``round1``, ``round2`` …
        settings: of every round's training.
        rounds: how many.
        method: label method of round 1.
        overwrite: replace labels and runs that were made otherwise.

    Raises:
        UsageError: less than one round.
    """
    if rounds < 1:
        raise UsageError(f"the number of rounds is 1 or more, got {rounds}")
    for number in range(1, rounds + 1):
        labels = round_name(number)
        run = RunFolder(runs / labels)
        if number == 1:
            label_first_round(store, method=method, overwrite=overwrite, progress=progress)
        else:
            before = RunFolder(runs / round_name(number - 1))
            label_round(store, number, before, device=device, overwrite=overwrite, progress=progress)
        train(store, labels, run, settings, overwrite=overwrite, progress=progress)
        predicted, _ = predict_store(store, run, device=device, overwrite=overwrite, progress=progress)
        yield Round(number=number, labels=labels, run=run, predicted=predicted)
