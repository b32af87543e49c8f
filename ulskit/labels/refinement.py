"""From the second round on: where prediction and ellipse agree is foreground, where they differ is ignored."""

from __future__ import annotations

import numpy as np

from ulskit.errors import DataError
from ulskit.types import BACKGROUND, FOREGROUND, IGNORE, Label, Mask


def refine_label(prediction: Mask, ellipse: Mask) -> Label:
    """Tri-state label of a later round, uint8 ``[y, x]`` (paper, section 2.3).

    ``p ∩ e`` is foreground (1), ``(p ∪ e) − (p ∩ e)`` is ignored (255), the rest is background (0). Where
    prediction and ellipse do not meet, the prediction has lost the lesion, and the ellipse stays as it was: a label
    without foreground would teach that the marked lesion is none.

    Args:
        prediction: bool ``[y, x]``, the mask of the trained network.
        ellipse: bool ``[y, x]``, the mask of round 1.

    Raises:
        DataError: the shapes differ.
    """
    p, e = np.asarray(prediction, dtype=bool), np.asarray(ellipse, dtype=bool)
    if p.shape != e.shape:
        raise DataError(f"prediction {p.shape} and ellipse {e.shape} have different shapes")
    label = np.full(p.shape, BACKGROUND, dtype=np.uint8)
    both = p & e
    if not both.any():
        label[e] = FOREGROUND
        return label
    label[p ^ e] = IGNORE
    label[both] = FOREGROUND
    return label
