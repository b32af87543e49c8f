"""Shapes and dtypes of the arrays that travel through ulskit. Axes stand in the order of indexing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

ImageHU = npt.NDArray[np.int16]
"""CT slice in Hounsfield units, int16 ``[y, x]``."""

Mask = npt.NDArray[np.bool_]
"""Binary mask, bool ``[y, x]``."""

Label = npt.NDArray[np.uint8]
"""Tri-state label, uint8 ``[y, x]``: 0 background, 1 foreground, 255 ignore."""

PointsXY = npt.NDArray[np.float64]
"""Points in pixels, float64 ``[..., 2]``: x to the right, y down, pixel centres at integers from 0."""

FloatArray = npt.NDArray[np.floating[Any]]
"""Any real array; the docstring gives the axes."""

Shape = tuple[int, int]
"""Height and width of an image, in pixels."""

SpacingMM = tuple[float, float]
"""Distance between pixel centres in mm: ``(row_mm, column_mm)``, that is along y, then along x."""

BACKGROUND = 0
FOREGROUND = 1
IGNORE = 255
