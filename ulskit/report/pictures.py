"""Lesions in pictures: which are shown, and their panels side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ulskit.evaluation import Evaluation
from ulskit.figures.lesion import crop_around, lesion_figure
from ulskit.figures.style import TRUTH_COLOR, series_color
from ulskit.labels.rounds import marked_image
from ulskit.report.embedding import png_data
from ulskit.store import Store
from ulskit.types import Label

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture: its caption, and the words for those who cannot see it."""

    picture: str
    name: str
    notes: list[str]
    color: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class LesionPictures:
    """A lesion with its panels."""

    number: int
    facts: str
    panels: list[Panel]


def colors_of(label_sets: Sequence[str]) -> dict[str, str]:
    """One colour for each label set, the same in every figure of the page."""
    return {name: series_color(at) for at, name in enumerate(label_sets)}


def spread_lesions(evaluations: Sequence[Evaluation], count: int) -> list[int]:
    """Lesions from the smallest to the largest at even steps, of those that most label sets hold.

    Lesions with a manual mask come before others.
    """
    import pandas as pd

    rows = pd.concat([it.lesions for it in evaluations])
    facts = rows.groupby("lesion").agg(
        held=("lesion", "size"), truth=("has_truth", "max"), size=("mark_long_axis_mm", "first")
    )
    facts = facts[facts["held"] == facts["held"].max()]
    if facts["truth"].any():
        facts = facts[facts["truth"]]
    ordered = facts.sort_values("size", kind="stable").index.to_numpy()
    steps = np.linspace(0, len(ordered) - 1, min(count, len(ordered)))
    return [int(ordered[at]) for at in np.unique(np.rint(steps).astype(int))]


def worst_lesions(evaluation: Evaluation, count: int) -> list[int]:
    """Lesions of the lowest Dice; without manual masks, those whose long axis differs most from the mark's.

    An empty mask is as bad as can be.
    """
    lesions = evaluation.lesions
    if evaluation.with_truth:
        judged = lesions[lesions["has_truth"]]
        order = judged["dice"].fillna(0.0)
    else:
        judged = lesions
        order = -_relative_error(judged).abs().fillna(np.inf)
    return [int(lesion) for lesion in judged.loc[order.sort_values(kind="stable").index[:count], "lesion"]]


def lesion_pictures(
    store: Store,
    lesion: int,
    evaluations: Sequence[Evaluation],
    *,
    truth: str | None,
    colors: Mapping[str, str],
) -> LesionPictures:
    """The mark with region I′ and the manual mask, then each label set with the manual mask behind it."""
    row = store.lesions.iloc[lesion]
    marked = marked_image(store, lesion)
    image, endpoints, shape = marked.read_hu(), marked.endpoints_xy, marked.shape
    crop = crop_around(endpoints, shape, scale=2.15)
    manual: dict[str, Label] = {}
    if truth is not None and store.labelled(truth)[lesion]:
        manual["manual"] = store.label(truth, lesion)

    def panel(name: str, notes: list[str], label: dict[str, Label], alt: str) -> Panel:
        figure = lesion_figure(
            image,
            window=marked.window,
            contours={**manual, **label},
            endpoints_xy=None if label else endpoints,
            spacing_mm=store.spacing_mm_of(lesion),
            colors={"manual": TRUTH_COLOR, **colors},
            crop=crop,
            region=not label,
        )
        behind = " and the manual mask" if manual else ""
        return Panel(
            picture=png_data(figure),
            name=name,
            notes=notes,
            color=colors[name] if label else "",
            alt=f"CT around lesion {lesion} with {alt}{behind}",
        )

    first = panel("mark" + (" and manual mask" if manual else ""), ["dashed: region I′"], {}, "the radiologist's mark")
    panels = [first]
    for it in evaluations:
        found = it.lesions[it.lesions["lesion"] == lesion]
        if len(found):
            label = {it.label_set: store.label(it.label_set, lesion)}
            panels.append(panel(it.label_set, _notes(found.iloc[0]), label, f"the outline of {it.label_set}"))
    facts = (
        f"{row['lesion_type']} · {row['split']} · {row['long_axis_mm']:.1f} × {row['short_axis_mm']:.1f} mm · "
        f"{row['file_name']}"
    )
    return LesionPictures(number=lesion, facts=facts, panels=panels)


def _notes(row: pd.Series) -> list[str]:
    """Dice where it is known, and both axes."""
    axes = "empty mask" if row["is_empty"] else f"{row['long_axis_mm']:.1f} × {row['short_axis_mm']:.1f} mm"
    return [f"Dice {100 * row['dice']:.1f} %", axes] if row["has_truth"] else [axes]


def _relative_error(lesions: pd.DataFrame) -> pd.Series:
    return lesions["long_axis_mm"] / lesions["mark_long_axis_mm"] - 1
