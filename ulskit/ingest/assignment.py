"""Which lesion of a store a mask is given to, and what speaks against it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.geometry.ellipse import ellipse_mask
from ulskit.ingest.dl_info import Rejection
from ulskit.provenance import digest
from ulskit.store import Store
from ulskit.types import Label, Mask

MIN_COVER = 1 / 3
"""Share of its ellipse that a mask must cover to be taken for a lesion's without being told so; the smallest on 148
hand-drawn DeepLesion masks is 0.42."""


class MaskAssignment:
    """Which lesion has been given which mask; masks are held with eight pixels a byte."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.masks: dict[int, npt.NDArray[np.uint8]] = {}
        self.rejected: list[Rejection] = []
        self.of_slice: dict[str, list[int]] = {}
        self.of_series: dict[str, list[int]] = {}
        self.of_row: dict[int, int] = {}
        self._rows: list[int] = store.lesions["csv_row"].tolist()
        self.key_slices: list[int] = store.lesions["key_slice"].tolist()
        table = store.lesions[["file_name", "series_id", "csv_row"]]
        for lesion, (file_name, series, row) in enumerate(table.itertuples(index=False)):
            self.of_slice.setdefault(str(file_name).removesuffix(".png"), []).append(lesion)
            self.of_series.setdefault(str(series), []).append(lesion)
            self.of_row[int(row)] = lesion
        self._sources: dict[int, str] = {}

    def reject(self, where: str, reason: str, lesion: int | None = None) -> None:
        """List a mask as refused; with its lesion, by that lesion's line of DL_info.csv."""
        line = 0 if lesion is None else self._rows[lesion] + 2
        self.rejected.append(Rejection(file=where, line=line, reason=reason))

    def give(self, lesion: int, mask: Mask, where: str, min_cover: float = 0.0) -> bool:
        """Give a mask ``[y, x]`` to a lesion unless something speaks against it."""
        reason = self._why_not(lesion, mask, min_cover)
        if reason is not None:
            self.reject(where, reason, lesion)
            return False
        self.masks[lesion] = np.packbits(mask, axis=-1)
        self._sources[lesion] = where
        return True

    def share(self, lesions: list[int], mask: Mask, where: str) -> int:
        """Give the components of a mask ``[y, x]`` to the lesions of one slice; how many have one, or a reason."""
        shape = self.store.shape_of(lesions[0])
        if mask.shape != shape:
            self.reject(where, _wrong_shape(mask.shape, shape))
            return 1
        count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        ellipses = [ellipse_mask(self.store.endpoints_xy[lesion], shape) for lesion in lesions]
        shared = np.array([np.bincount(parts[ellipse], minlength=count) for ellipse in ellipses])
        owner = np.where(shared.max(axis=0) > 0, shared.argmax(axis=0), -1)
        owner[0] = -1  # the background
        used = 0
        for at, (lesion, ellipse) in enumerate(zip(lesions, ellipses, strict=True)):
            own: Mask = owner[parts] == at
            if (own & ellipse).sum() >= MIN_COVER * ellipse.sum():
                self.give(lesion, own, where)
            elif (mask & ellipse).sum() >= MIN_COVER * ellipse.sum():
                self.reject(where, f"what covers lesion {lesion} is connected with the mask of another lesion", lesion)
            else:
                continue
            used += 1
        return used

    def digest(self) -> str:
        """Equal for equal masks of equal lesions."""
        return digest([[lesion, digest(packed.tobytes())] for lesion, packed in sorted(self.masks.items())])

    def label(self, lesion: int) -> Label:
        """The label of a lesion over its slice, uint8 ``[y, x]``: 0 or 1."""
        width = self.store.shape_of(lesion)[1]
        return np.unpackbits(self.masks[lesion], axis=-1)[:, :width]

    def _why_not(self, lesion: int, mask: Mask, min_cover: float) -> str | None:
        shape = self.store.shape_of(lesion)
        if mask.shape != shape:
            return _wrong_shape(mask.shape, shape)
        if not mask.any():
            return "the mask is empty"
        if lesion in self.masks:
            return f"lesion {lesion} has a mask already, from {self._sources[lesion]}"
        ellipse = ellipse_mask(self.store.endpoints_xy[lesion], shape)
        cover = (mask & ellipse).sum() / max(int(ellipse.sum()), 1)
        if cover == 0:
            return f"the mask does not touch the RECIST mark of lesion {lesion}: another lesion, or flipped?"
        if cover < min_cover:
            return f"the mask covers {cover:.0%} of the ellipse of lesion {lesion}: another lesion?"
        return None


def _wrong_shape(found: tuple[int, ...], expected: tuple[int, int]) -> str:
    return f"the mask has {found[1]} × {found[0]} pixels, its slice {expected[1]} × {expected[0]}"
