"""Label sets of a store measured, compared with manual masks, and with the radiologist's diameters.

Here the store and the functions on arrays meet. Labels are tri-state: foreground is lesion, background and ignored
pixels are not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.ingest import read_mask_volume
from ulskit.ingest.volumes import SUFFIXES
from ulskit.measure import Agreement, agreement, measure_mask
from ulskit.metrics import MetricsSummary, SegmentationMetrics, segmentation_metrics, summarize_metrics
from ulskit.progress import Progress, silent
from ulskit.store import Store
from ulskit.store.schema import PREDICTED, TRUTH
from ulskit.types import FOREGROUND, Mask, SpacingMM

if TYPE_CHECKING:
    import pandas as pd

AXES = ("long_axis", "short_axis")
_FACTS = ("file_name", "patient", "study", "lesion_type", "split")
_METRICS = tuple(field.name for field in fields(SegmentationMetrics))


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """A label set against manual masks, where there are any, and against the radiologist's marks.

    Attributes:
        label_set: its name in the store.
        truth: name of the label set of manual masks; None where the store has none.
        lesions: one row per labelled lesion: that of :func:`measure_labels`, then the figures of
            :class:`ulskit.metrics.SegmentationMetrics`, NaN for a lesion without manual mask, and ``has_truth``.
    """

    label_set: str
    truth: str | None
    lesions: pd.DataFrame

    @property
    def with_truth(self) -> int:
        """How many of the lesions have a manual mask."""
        return int(self.lesions["has_truth"].sum())

    @property
    def empty(self) -> int:
        """How many of the masks are empty: they count with a Dice of 0, and cannot be measured."""
        return int(self.lesions["is_empty"].sum())

    @property
    def summary(self) -> MetricsSummary:
        """Metrics over the lesions that have a manual mask."""
        rows = self.lesions.loc[self.lesions["has_truth"], list(_METRICS)].to_numpy(dtype=np.float64)
        return summarize_metrics(SegmentationMetrics(**dict(zip(_METRICS, row, strict=True))) for row in rows.tolist())

    @property
    def agreement(self) -> dict[str, Agreement]:
        """``long_axis`` and ``short_axis``, in mm: measured on the mask against the radiologist's mark."""
        return {axis: agreement(self.lesions[f"{axis}_mm"], self.lesions[f"mark_{axis}_mm"]) for axis in AXES}

    def of_splits(self, splits: Sequence[str]) -> Evaluation:
        """The same for the lesions of some splits alone; there may be none."""
        return replace(self, lesions=self.lesions[self.lesions["split"].isin(splits)])

    def as_document(self) -> dict[str, Any]:
        """All figures but those of single lesions as plain JSON values; what is not defined is null."""
        document = {
            "label_set": self.label_set,
            "truth": self.truth,
            "lesions": len(self.lesions),
            "splits": {str(name): int(count) for name, count in self.lesions["split"].value_counts().items()},
            "with_truth": self.with_truth,
            "without_truth": len(self.lesions) - self.with_truth,
            "empty": self.empty,
            "metrics": asdict(self.summary) if self.with_truth else None,
            "agreement_with_marks_mm": {axis: asdict(found) for axis, found in self.agreement.items()},
        }
        return {name: _plain(value) for name, value in document.items()}


def measure_labels(
    store: Store, label_set: str, *, splits: Sequence[str] | None = None, progress: Progress = silent
) -> pd.DataFrame:
    """Measure the masks of a label set.

    Returns:
        One row per labelled lesion: ``lesion`` (its number in the store), what the CSV says of it, the figures of
        :class:`ulskit.measure.Measurement` (``long_axis_mm``, ``short_axis_mm``, ``area_mm2`` …, NaN axes for an
        empty mask), and the radiologist's ``mark_long_axis_mm`` and ``mark_short_axis_mm``.

    Raises:
        StoreError: no such label set, or an unfinished one.
        DataError: it holds no lesion of these splits.
    """
    import pandas as pd

    rows = []
    lesions = _chosen(store, label_set, splits)
    with progress(f"measuring {label_set}", len(lesions)) as advance:
        for lesion in lesions:
            rows.append(_measured(store, lesion, store.label(label_set, lesion) == FOREGROUND))
            advance()
    return pd.DataFrame(rows)


def evaluate_labels(
    store: Store,
    label_set: str,
    *,
    truth: str = TRUTH,
    splits: Sequence[str] | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Compare the masks of a label set with manual masks and with the radiologist's marks.

    Args:
        truth: label set of manual masks, of all lesions or some. Where the store has no ``truth``, the marks alone
            are compared with.
        splits: of the lesions to take; all by default.

    Raises:
        StoreError: no such label set, or an unfinished one.
        DataError: it holds no lesion of these splits.
    """
    import pandas as pd

    there = truth if truth != TRUTH or TRUTH in store.labels() else None
    has_truth = np.zeros(len(store), dtype=bool) if there is None else store.labelled(there)
    rows = []
    lesions = _chosen(store, label_set, splits)
    with progress(f"evaluating {label_set}", len(lesions)) as advance:
        for lesion in lesions:
            mask = store.label(label_set, lesion) == FOREGROUND
            row = _measured(store, lesion, mask) | {"has_truth": bool(has_truth[lesion])}
            figures: dict[str, float] = dict.fromkeys(_METRICS, math.nan)
            if there is not None and has_truth[lesion]:
                true_mask = store.label(there, lesion) == FOREGROUND
                figures = segmentation_metrics(mask, true_mask, store.spacing_mm_of(lesion)).as_row()
            rows.append(row | figures)
            advance()
    return Evaluation(label_set=label_set, truth=there, lesions=pd.DataFrame(rows))


def compare_labels(
    store: Store,
    label_sets: Sequence[str] | None = None,
    *,
    truth: str = TRUTH,
    splits: Sequence[str] | None = None,
    progress: Progress = silent,
) -> list[Evaluation]:
    """Evaluate several label sets, for a table round by round.

    Args:
        label_sets: all but the manual masks by default, in the order of :func:`ordered_label_sets`, without those
            that hold no lesion of these splits.

    Raises:
        StoreError: no label set, none of this name, or an unfinished one.
        DataError: one that is named holds no lesion of these splits, or none of all does.
    """
    names = ordered_label_sets(store, truth) if label_sets is None else list(label_sets)
    if not names:
        raise StoreError(f"{store.location} has no labels yet: run `ulskit pseudolabel`")
    if label_sets is None and splits is not None:
        inside = store.lesions["split"].isin(splits).to_numpy()
        names = [name for name in names if (inside & store.labelled(name)).any()]
        if not names:
            raise DataError(f"{store.location} has no labelled lesion in split {', '.join(splits)}")
    return [evaluate_labels(store, name, truth=truth, splits=splits, progress=progress) for name in names]


def ordered_label_sets(store: Store, truth: str = TRUTH) -> list[str]:
    """Finished label sets but the manual masks: rounds, then other labels, then predictions; round2 before round10."""

    def key(name: str) -> tuple[int, list[tuple[int, str]]]:
        kind = 2 if name.startswith(f"{PREDICTED}/") else 0 if re.fullmatch(r"round\d+", name) else 1
        parts = re.findall(r"\d+|\D+", name)
        return kind, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return sorted((name for name in store.labels() if name not in (truth, TRUTH)), key=key)


def comparison_rows(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Tables of several evaluations as text, each narrow enough for a terminal: title, names of the columns, rows.

    The last compares the diameters with the radiologist's. Two before it compare with manual masks; they are left
    out where no lesion has one.
    """
    tables = []
    judged = [(it.label_set, str(it.with_truth), it.summary) for it in evaluations if it.with_truth]
    if judged:
        truth = next(it.truth for it in evaluations if it.with_truth)
        shares = [
            [name, n, *(_spread(found, figure) for figure in ("precision", "recall", "dice")), _share(found.worst_dice)]
            for name, n, found in judged
        ]
        borders = [
            [name, *map(_share, (it.share_dice_80, it.share_dice_85)), _spread(it, "hd95_mm", 1.0), _spread(it, "nsd")]
            for name, _, it in judged
        ]
        columns = ["labels", "n", "precision", "recall", "Dice", "worst"]
        tables.append((f"against manual masks ({truth}), %, mean ± SD", columns, shares))
        columns = ["labels", "Dice ≥ 80, %", "Dice ≥ 85, %", "HD95, mm", "NSD, %"]
        tables.append(("lesions that reach a Dice, and distance of the borders", columns, borders))
    columns = ["labels", "axis", "n", "error", "bias", "limits", "ICC"]
    rows = [
        [it.label_set, axis.removesuffix("_axis"), str(found.n), *_agreement_cells(found)]
        for it in evaluations
        for axis, found in it.agreement.items()
    ]
    tables.append(("diameters against the radiologist's marks, mm (error: mean absolute)", columns, rows))
    return tables


def measure_files(
    paths: Sequence[Path], *, spacing_mm: SpacingMM | None = None, progress: Progress = silent
) -> pd.DataFrame:
    """Measure mask files of the user's own, slice by slice; no store is needed.

    Args:
        paths: PNG, NIfTI, NRRD or npz, 2-D or 3-D, or folders of them.
        spacing_mm: (row_mm, column_mm); takes the place of what the files say.

    Returns:
        One row per slice with a mask (an empty file has one row): ``file_name``, ``slice``, the figures of
        :class:`ulskit.measure.Measurement`, and ``longest``: on which slice of its file the long axis is greatest.

    Raises:
        MissingFileError: no such file, or a folder without any.
        DataError: a file that is no mask, or whose spacing nobody knows.
    """
    import pandas as pd

    files = list(_mask_files(paths))
    rows: list[dict[str, Any]] = []
    with progress("measuring", len(files)) as advance:
        for path in files:
            volume = read_mask_volume(path)
            spacing = spacing_mm or volume.spacing_mm
            if spacing is None:
                raise DataError(f"{path} does not say its spacing: add --spacing row_mm,column_mm")
            filled = np.flatnonzero(volume.mask.any(axis=(1, 2))).tolist()
            found = [
                {"file_name": str(path), "slice": at, **measure_mask(volume.mask[at], spacing).as_row()}
                for at in filled or [0]
            ]
            longest = int(np.argmax([row["long_axis_mm"] for row in found]))
            rows += [{**row, "longest": at == longest} for at, row in enumerate(found)]
            advance()
    return pd.DataFrame(rows)


def _mask_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(it for it in path.iterdir() if it.name.lower().endswith(SUFFIXES))
        if not inside:
            raise MissingFileError(f"no mask in {path}: expected {', '.join(SUFFIXES)}")
        yield from inside


def _chosen(store: Store, label_set: str, splits: Sequence[str] | None) -> list[int]:
    chosen = store.labelled(label_set)
    if splits is not None:
        chosen = chosen & store.lesions["split"].isin(splits).to_numpy()
    if not chosen.any():
        where = f" of split {', '.join(splits)}" if splits is not None else ""
        raise DataError(f"labels {label_set!r} of {store.location} hold no lesion{where}")
    return [int(lesion) for lesion in np.flatnonzero(chosen)]


def _measured(store: Store, lesion: int, mask: Mask) -> dict[str, Any]:
    facts = {name: store.lesions[name].iat[lesion] for name in _FACTS}
    marks = {f"mark_{axis}_mm": store.lesions[f"{axis}_mm"].to_numpy()[lesion] for axis in AXES}
    return {"lesion": lesion, **facts, **measure_mask(mask, store.spacing_mm_of(lesion)).as_row(), **marks}


def _spread(summary: MetricsSummary, name: str, factor: float = 100.0) -> str:
    found = summary.spreads[name]
    return f"{_number(factor * found.mean, '{:.1f}')} ± {_number(factor * found.sd, '{:.1f}')}"


def _share(value: float) -> str:
    return _number(100 * value, "{:.1f}")


def _agreement_cells(found: Agreement) -> list[str]:
    limits = " … ".join(_number(value, "{:+.2f}") for value in (found.lower, found.upper))
    error, icc = _number(found.mean_absolute_error, "{:.2f}"), _number(found.icc, "{:.3f}")
    return [error, _number(found.bias, "{:+.2f}"), limits, icc]


def _number(value: float, form: str) -> str:
    return form.format(value).replace("-", "−") if math.isfinite(value) else "–"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
