"""Label sets of a store: round 1 from the marks, later rounds from predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ulskit.ct import Window
from ulskit.geometry.ellipse import LENS_TOLERANCE, outer_lens
from ulskit.labels.methods import LABEL_METHODS, MarkedImage
from ulskit.labels.refinement import refine_label
from ulskit.progress import Progress, silent
from ulskit.provenance import made
from ulskit.store import Store, write_labels
from ulskit.types import Label, Mask


def round_name(number: int) -> str:
    """Name of the label set, and of the run trained on it: ``round1``, ``round2`` …"""
    return f"round{number}"


def marked_image(store: Store, lesion: int) -> MarkedImage:
    """A lesion of a store as label methods take it."""
    lesions = store.lesions
    return MarkedImage(
        endpoints_xy=store.endpoints_xy[lesion],
        shape=store.shape_of(lesion),
        read_hu=lambda: store.lesion_image(lesion),
        window=Window(float(lesions["window_low_hu"].iat[lesion]), float(lesions["window_high_hu"].iat[lesion])),
    )


def label_first_round(
    store: Store,
    *,
    method: str = "quarter",
    name: str = round_name(1),
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> int:
    """Write ``labels/<name>`` from the RECIST marks by a label method; returns how many lesions it holds.

    Raises:
        RegistryError: no such method.
        StoreError: the name holds a label set made from something else.
    """
    draw = LABEL_METHODS.get(method)

    def make(lesion: int) -> Label:
        return np.asarray(draw(marked_image(store, lesion)), dtype=np.uint8)

    facts = made("pseudolabel", round=1, method=method, store=store.digest)
    return write_labels(store, name, make, made=facts, overwrite=overwrite, workers=workers, progress=progress)


def label_later_round(
    store: Store,
    predict: Callable[[int], Mask],
    *,
    made_from: dict[str, Any],
    name: str,
    first_round: str = round_name(1),
    lens_tolerance: float = LENS_TOLERANCE,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> int:
    """Write the refined label set of a later round; returns how many lesions it holds.

    Args:
        predict: lesion → predicted mask, bool ``[y, x]`` of its whole slice; called from ``workers`` threads.
        made_from: what the predictions come from (run, checkpoint, digest …).
        name: of the new label set.
        first_round: label set that holds the ellipses.
        lens_tolerance: what a prediction marks outside :func:`ulskit.geometry.ellipse.outer_lens` is dropped.

    Raises:
        StoreError: no first round, or the name holds a label set made from something else.
    """
    store.label_made(first_round)

    def make(lesion: int) -> Label:
        shape, endpoints = store.shape_of(lesion), store.endpoints_xy[lesion]
        bounded = predict(lesion) & outer_lens(endpoints, shape, lens_tolerance)
        return refine_label(bounded, store.label(first_round, lesion) == 1)

    facts = made("pseudolabel", first_round=first_round, lens_tolerance=lens_tolerance, store=store.digest, **made_from)
    return write_labels(store, name, make, made=facts, overwrite=overwrite, workers=workers, progress=progress)
