"""The page itself: what is compared, drawn and said, put into the template and written as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ulskit.evaluation import AXES, Evaluation, compare_labels, comparison_rows, ordered_label_sets
from ulskit.figures.evaluation import diameters_figure, dice_histogram
from ulskit.figures.style import TRUTH_COLOR, series_color
from ulskit.figures.training import training_curves
from ulskit.files import write_text
from ulskit.progress import Progress, silent
from ulskit.provenance import ulskit_version
from ulskit.report.embedding import inline_svg
from ulskit.report.pictures import colors_of, lesion_pictures, spread_lesions, worst_lesions
from ulskit.report.tables import Table, data_section, provenance_tables, run_facts
from ulskit.runs import RunFolder, list_runs
from ulskit.store import Store
from ulskit.store.schema import PREDICTED, TRUTH

WORST_SHOWN = 6
_HELD_OUT = ("test", "val")


def write_report(
    store: Store,
    runs_folder: Path,
    output: Path,
    *,
    label_sets: Sequence[str] | None = None,
    truth: str = TRUTH,
    lesions_shown: int = 12,
    progress: Progress = silent,
) -> Path:
    """Write one HTML page on a store, its label sets and its runs; returns its path.

    The page holds its pictures and its style itself and loads nothing. What there is not yet is said, with the
    command that makes it. Figures are given for the test split where it has lesions to compare, else for the
    validation split, else for all; a second table is of all.

    Args:
        runs_folder: folder of the run folders; there may be none.
        output: the HTML file, replaced as a whole.
        label_sets: label sets to compare; all by default.
        truth: label set of manual masks.
        lesions_shown: how many lesions are shown side by side; of the worst cases at most six.

    Raises:
        StoreError: a label set that is named does not exist.
        RunError: the record of a run is damaged.
    """
    names = ordered_label_sets(store, truth) if label_sets is None else list(label_sets)
    all_splits = compare_labels(store, names, truth=truth, progress=progress) if names else []
    truth_name = next((it.truth for it in all_splits), truth if truth in store.labels() else None)
    split, evaluations = _held_out(all_splits)
    runs = list_runs(runs_folder)
    context = {
        "version": ulskit_version(),
        "time": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        "store_name": store.location,
        "runs_folder": str(runs_folder),
        "css": Markup(_resource("report.css")),
        "truth": truth_name,
        "label_sets": names,
        "predictions": [name for name in names if name.startswith(f"{PREDICTED}/")],
        "first_color": series_color(0),
        "truth_color": TRUTH_COLOR,
        "data": data_section(store),
        "facts": _headline(store, evaluations, split),
        "runs": [_run(store, run, at) for at, run in enumerate(runs)],
        "provenance": provenance_tables(store, [*names, *([truth_name] if truth_name else [])], runs),
        **_comparison(evaluations, all_splits, split, colors_of(names)),
        **_pictures(
            store,
            evaluations,
            truth=truth_name,
            count=lesions_shown,
            colors=colors_of(names),
            progress=progress,
        ),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    write_text(output, environment.from_string(_resource("report.html.j2")).render(context).lstrip())
    return output


def _held_out(evaluations: Sequence[Evaluation]) -> tuple[str | None, list[Evaluation]]:
    """The evaluations on the split that tells most of new patients; None and all of them where there is none."""
    any_truth = any(it.with_truth for it in evaluations)
    for split in _HELD_OUT:
        inside = [part for it in evaluations if len((part := it.of_splits([split])).lesions)]
        if inside and (not any_truth or any(it.with_truth for it in inside)):
            return split, inside
    return None, list(evaluations)


def _latest(evaluations: Sequence[Evaluation]) -> Evaluation | None:
    """The last in order: the prediction of the last round, or without predictions the last labels."""
    return evaluations[-1] if evaluations else None


def _headline(store: Store, evaluations: Sequence[Evaluation], split: str | None) -> list[dict[str, str]]:
    """The few figures that a reader looks for first."""
    facts = [
        {"name": "lesions", "value": str(len(store)), "note": f"of {store.lesions['patient'].nunique()} patients"},
        {"name": "rejected rows", "value": str(len(store.rejected)), "note": ""},
    ]
    where = f"{split} split" if split else "all splits"
    with_truth = [it for it in evaluations if it.with_truth]
    for it in dict.fromkeys((with_truth[0], with_truth[-1]) if with_truth else ()):
        dice = it.summary.spreads["dice"]
        spread = f"± {100 * dice.sd:.1f}" if dice.count > 1 else ""
        facts.append({"name": f"Dice, {it.label_set}, {where}", "value": f"{100 * dice.mean:.1f} %", "note": spread})
    last = _latest(evaluations)
    if last is not None and last.agreement["long_axis"].n:
        error = last.agreement["long_axis"].mean_absolute_error
        name = f"long axis, mean error against the radiologist, {last.label_set}"
        facts.append({"name": name, "value": f"{error:.1f} mm", "note": ""})
    return facts


def _comparison(
    evaluations: Sequence[Evaluation], all_splits: Sequence[Evaluation], split: str | None, colors: Mapping[str, str]
) -> dict[str, Any]:
    """Tables and charts of the label sets against manual masks and marks."""
    if not evaluations:
        return {"overlap": False, "histogram": None, "diameters": []}
    *overlap, marks = _tables(evaluations)
    overlap_all = _tables(all_splits)[:-1] if split else []
    where = f"the {split} split" if split else "all splits"
    dice = {it.label_set: it.lesions["dice"].to_numpy() for it in evaluations if it.with_truth}
    last = evaluations[-1]
    outside = "An empty mask counts with a Dice of 0. " if any(it.empty for it in evaluations) else ""
    return {
        "overlap": bool(overlap),
        "overlap_tables": overlap,
        "overlap_all": overlap_all,
        "rounds_sentence": (
            f"Every label set and every prediction against the manual masks of {where}. {outside}"
            "Where labels are tri-state, what is ignored does not count as lesion."
        ),
        "histogram": inline_svg(
            dice_histogram(dice, colors=colors),
            "dice",
            "Cumulative histogram of Dice for " + ", ".join(dice) + "; its means stand in the table above",
        )
        if dice
        else None,
        "agreement_table": marks,
        "diameters_sentence": (
            f"Both axes measured on the masks of {where}, against the marks that the radiologist drew. The ellipses "
            "are drawn from these marks, so round 1 agrees by construction. A mask's greatest diameter is as a rule "
            "longer than the radiologist's (on hand-drawn DeepLesion masks 1.08 times, median)."
        ),
        "diameters": [_diameters(last, axis, colors) for axis in AXES if last.agreement[axis].n],
    }


def _tables(evaluations: Sequence[Evaluation]) -> list[Table]:
    return [
        Table(title=title[0].upper() + title[1:], columns=columns, rows=rows)
        for title, columns, rows in comparison_rows(evaluations)
    ]


def _diameters(evaluation: Evaluation, axis: str, colors: Mapping[str, str]) -> dict[str, Any]:
    found, rows, name = evaluation.agreement[axis], evaluation.lesions, axis.replace("_", " ").capitalize()
    figure = diameters_figure(
        rows[f"{axis}_mm"].to_numpy(),
        rows[f"mark_{axis}_mm"].to_numpy(),
        axis_name=name,
        bias=found.bias,
        limits=(found.lower, found.upper),
        color=colors[evaluation.label_set],
    )
    caption = (
        f"n = {found.n}; mean absolute error {found.mean_absolute_error:.2f} mm; bias {found.bias:+.2f} mm; limits of "
        f"agreement {found.lower:+.2f} to {found.upper:+.2f} mm; ICC {found.icc:.3f}, 95 % interval "
        f"{found.icc_lower:.3f} to {found.icc_upper:.3f}."
    ).replace("-", "−")
    return {
        "title": f"{name}, {evaluation.label_set}",
        "svg": inline_svg(figure, f"diameters-{axis}", f"{name} from the masks against the radiologist's. {caption}"),
        "caption": f"Left: equality is the line. Right: differences against means (Bland–Altman). {caption}",
    }


def _run(store: Store, run: RunFolder, at: int) -> dict[str, Any]:
    table = run.metrics()
    svg, caption = None, ""
    if len(table):
        caption = f"{len(table)} epochs, {table['seconds'].sum() / 60:.1f} minutes." if "seconds" in table else ""
        if "val_dice" in table and table["val_dice"].notna().any():
            best = int(np.nanargmax(table["val_dice"]))
            caption += (
                f" Highest Dice against the validation labels: {100 * table['val_dice'].iloc[best]:.1f} % "
                f"in epoch {best + 1}."
            )
        svg = inline_svg(training_curves(table), f"training-{at}", f"Training curves of {run.name}. {caption}")
    return {"name": run.name, "facts": run_facts(run.record(), store.digest), "svg": svg, "caption": caption.strip()}


def _pictures(
    store: Store,
    evaluations: Sequence[Evaluation],
    *,
    truth: str | None,
    count: int,
    colors: Mapping[str, str],
    progress: Progress,
) -> dict[str, Any]:
    """A spread of lesions in all their labels, and the worst of the last prediction."""
    last = _latest(evaluations)
    if last is None or count == 0:
        return {"pictures": [], "worst": []}
    shown = spread_lesions(evaluations, count)
    worst = worst_lesions(last, min(count, WORST_SHOWN))
    drawn = {}
    with progress("drawing lesions", len({*shown, *worst})) as advance:
        for lesion in dict.fromkeys([*shown, *worst]):
            drawn[lesion] = lesion_pictures(store, lesion, evaluations, truth=truth, colors=colors)
            advance()
    judged = "lowest Dice" if last.with_truth else "long axis furthest from the radiologist's, in proportion"
    drawn_from = f"The {len(worst)} lesions of {last.label_set} with the {judged}, beside the other label sets."
    return {
        "pictures": [drawn[lesion] for lesion in shown],
        "pictures_sentence": f"{len(shown)} lesions, from the smallest to the largest at even steps. The first picture "
        "shows the mark; every other one label set. Each lesion is shown in the window in which it was marked.",
        "worst": [drawn[lesion] for lesion in worst],
        "worst_sentence": drawn_from,
    }


def _resource(name: str) -> str:
    return files("ulskit.report").joinpath(name).read_text(encoding="utf-8")
