"""Predictions of a whole store, and the labels of a later round made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, RunError
from ulskit.labels import label_later_round, round_name
from ulskit.model.prediction.predictor import Predictor, load_predictor
from ulskit.progress import Progress, silent
from ulskit.provenance import digest, made
from ulskit.runs import CheckpointKind, RunFolder
from ulskit.store import Store, write_labels
from ulskit.store.schema import PREDICTED
from ulskit.types import FOREGROUND, Mask


def predicted_name(run: RunFolder, kind: CheckpointKind = "last") -> str:
    """Label set that holds the predictions of a run."""
    return f"{PREDICTED}/{run.name}" + ("" if kind == "last" else f"-{kind}")


def predict_store(
    store: Store,
    run: RunFolder,
    *,
    splits: tuple[str, ...] | None = None,
    name: str | None = None,
    kind: CheckpointKind = "last",
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[str, int]:
    """Write the masks that a run predicts; returns the name of the label set and how many lesions it holds.

    Args:
        splits: of the lesions to predict; all by default. A second call with further splits adds them.
        name: of the label set; ``predicted/<run>`` by default, ``predicted/<run>-best`` for the best checkpoint.
        kind: ``last`` (the paper's fixed schedule, the default) or ``best`` (highest Dice against the weak labels).

    Raises:
        RunError: no such run, or an unfinished one.
        DataError: no lesion in these splits.
    """
    lesions = np.ones(len(store), bool) if splits is None else store.lesions["split"].isin(splits).to_numpy()
    if not lesions.any():
        raise DataError(f"no lesion in split {', '.join(splits or ())} of {store.location}")
    predict, facts = _store_predictor(store, run, kind, device)
    name = name or predicted_name(run, kind)
    count = write_labels(
        store,
        name,
        lambda lesion: predict(lesion).astype(np.uint8),
        made=made("predict", store=store.digest, **facts),
        lesions=np.asarray(lesions, dtype=bool),
        overwrite=overwrite,
        workers=1,  # torch uses all cores for one image
        progress=progress,
    )
    return name, count


def label_round(
    store: Store,
    number: int,
    run: RunFolder,
    *,
    name: str | None = None,
    kind: CheckpointKind = "last",
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Write the label set of round ``number`` ≥ 2 from the run of the round before; returns how many lesions it holds.

    The predictions of the run are written first, as by :func:`predict_store`, where they are not there yet.

    Raises:
        RunError: no such run, or an unfinished one.
    """
    predicted, _ = predict_store(store, run, kind=kind, device=device, overwrite=overwrite, progress=progress)
    facts = store.label_made(predicted)
    return label_later_round(
        store,
        lambda lesion: store.label(predicted, lesion) == FOREGROUND,
        made_from={"round": number, **{name: facts[name] for name in ("run", "checkpoint", "weights")}},
        name=name or round_name(number),
        overwrite=overwrite,
        progress=progress,
    )


def _store_predictor(
    store: Store, run: RunFolder, kind: CheckpointKind, device: str
) -> tuple[Callable[[int], Mask], dict[str, Any]]:
    """Lesion → mask, loading the network at the first lesion that is asked for."""
    checkpoint = run.checkpoint(kind)
    try:
        facts: dict[str, Any] = {"run": run.name, "checkpoint": kind, "weights": digest(checkpoint.read_bytes())}
    except OSError as error:
        raise RunError(f"{checkpoint} cannot be read: {error.strerror}") from error
    boxes: npt.NDArray[np.float64] = store.boxes_xy
    loaded: list[Predictor] = []

    def predict(lesion: int) -> Mask:
        if not loaded:
            loaded.append(load_predictor(checkpoint, device))
        return loaded[0].mask(store.lesion_image(lesion), boxes[lesion])

    return predict, facts
