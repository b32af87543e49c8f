"""The whole job on a small data set that the demo makes itself: nothing is skipped, nothing precomputed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ulskit.evaluation import Evaluation, compare_labels
from ulskit.ingest import ingest_deeplesion, ingest_masks
from ulskit.labels import round_name
from ulskit.model.rounds import run_rounds
from ulskit.model.training.settings import TrainingSettings, changed_settings
from ulskit.phantom import PhantomSettings, make_phantom
from ulskit.progress import Progress, silent
from ulskit.report import write_report
from ulskit.store import Store

DEMO_SETTINGS: dict[str, object] = {
    "epochs": 24,
    "batch_size": 16,
    "learning_rate": 0.002,
    "network": {"name": "ahrnet", "pretrained": False, "options": {"backbone": "hrnet_w18_small"}},
    "roi": {"min_size": 128, "max_size": 128},
    "augmentation": {"flip": True},
    "trainer": {"accelerator": "cpu", "devices": 1},
}
"""A small AHRNet from random weights at one input size: what two cores train in minutes."""


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo made."""

    store: Store
    report: Path
    evaluations: list[Evaluation]
    """The ellipses, then the predictions of each round, against the truth on the test split."""


def run_demo(
    folder: Path,
    *,
    seed: int = 0,
    patients: int = 60,
    rounds: int = 2,
    epochs: int | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Make phantoms, ingest, label, train and refine over the rounds, predict, evaluate, report.

    Started again on the same folder, it goes on where it was.

    Args:
        folder: everything goes here.
        seed: of the phantoms and of the training.
        patients: how many phantom patients.
        rounds: how many rounds of training.
        epochs: of each round; the demo's own by default.

    Raises:
        StoreError, RunError: the folder holds a demo made with other arguments.
    """
    source = folder / "DeepLesion-phantom"
    make_phantom(source, PhantomSettings(seed=seed, patients=patients), progress=progress)
    store = ingest_deeplesion(source, folder / "ulskit.zarr", progress=progress)
    ingest_masks(store, source / "truth.npz", progress=progress)
    ended = list(
        run_rounds(store, folder / "runs", demo_settings(seed, epochs), rounds=rounds, device="cpu", progress=progress)
    )
    names = [round_name(1), *(it.predicted for it in ended)]
    evaluations = compare_labels(store, names, splits=("test",), progress=progress)
    report = write_report(store, folder / "runs", folder / "report.html", progress=progress)
    return DemoResult(store=store, report=report, evaluations=evaluations)


def demo_settings(seed: int = 0, epochs: int | None = None) -> TrainingSettings:
    """The demo's training settings."""
    return changed_settings(DEMO_SETTINGS, {"seed": seed} | ({"epochs": epochs} if epochs else {}))
