"""The whole job on a small data set that the demo makes itself: nothing is skipped, nothing precomputed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ulskit.evaluation import Evaluation, compare_labels
from ulskit.ingest import ingest_deeplesion, ingest_masks
from ulskit.labels import round_name
from ulskit.model.rounds import run_rounds
from ulskit.model.training.settings import TrainingSettings, changed_settings
from ulskit.phantom import PhantomSettings, make_phantom
from ulskit.progress import Progress, silent
from ulskit.report import write_report
from ulskit.store import Store

PATIENTS = 320
ROUNDS = 3

DEMO_SETTINGS: dict[str, Any] = {
    "epochs": 11,
    "batch_size": 8,
    "learning_rate": 0.003,
    "milestones": [0.7, 0.9],
    "network": {"name": "ahrnet", "pretrained": False, "options": {"backbone": "hrnet_w18_small"}},
    "level_set": {"weight": 0.5, "options": {"lambda_outside": 1.0}, "patience": 2, "latest": 0.5},
    "roi": {"min_size": 96, "max_size": 96},
    "augmentation": {"scale": [0.97, 1.03], "shift": 0.01, "flip": True},
    "trainer": {"accelerator": "cpu", "devices": 1, "precision": "32-true"},
}
"""What two cores train in minutes: a small AHRNet from random weights, small inputs, few epochs at a high rate.

From so little, a network learns best where the box tells it most, hence the narrow scale and shift; and with λ2 = 1,
for the phantoms' backgrounds are of several tissues (``docs/training.md``).
"""


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
    patients: int = PATIENTS,
    rounds: int = ROUNDS,
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
    make_phantom(source, demo_phantom(seed, patients), progress=progress)
    store = ingest_deeplesion(source, folder / "ulskit.zarr", progress=progress)
    ingest_masks(store, source / "truth.npz", progress=progress)
    ended = list(
        run_rounds(store, folder / "runs", demo_settings(seed, epochs), rounds=rounds, device="cpu", progress=progress)
    )
    names = [round_name(1), *(it.predicted for it in ended)]
    evaluations = compare_labels(store, names, splits=("test",), progress=progress)
    report = write_report(store, folder / "runs", folder / "report.html", progress=progress)
    return DemoResult(store=store, report=report, evaluations=evaluations)


def demo_phantom(seed: int = 0, patients: int = PATIENTS) -> PhantomSettings:
    """The demo's data: small slices, so that many patients are made in a minute."""
    return PhantomSettings(
        seed=seed, patients=patients, size=256, lesions=(1, 3), studies=(1, 2), split_shares=(0.75, 0.05, 0.2)
    )


def demo_settings(seed: int = 0, epochs: int | None = None) -> TrainingSettings:
    """The demo's training settings."""
    return changed_settings(DEMO_SETTINGS, {"seed": seed} | ({"epochs": epochs} if epochs else {}))
