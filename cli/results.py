"""Commands on results: measure, evaluate, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ulskit.cli import console
from ulskit.cli.options import DEFAULT_RUNS, DEFAULT_STORE, JsonOption, RunsOption, SplitOption, StoreOption


def add_commands(app: typer.Typer) -> None:
    """Enter the commands of this file."""
    app.command(epilog="Example: ulskit measure --labels predicted/round1; ulskit measure mask.nii.gz --json")(measure)
    app.command(epilog="Example: ulskit evaluate --split test --json")(evaluate)
    app.command(epilog="Example: ulskit report --output report.html")(report)


COLUMNS = {
    "file_name": "file",
    "slice": "slice",
    "long_axis_mm": "long, mm",
    "short_axis_mm": "short, mm",
    "area_mm2": "area, mm²",
    "mark_long_axis_mm": "mark long",
    "mark_short_axis_mm": "mark short",
}
"""Columns of the table on the screen and their titles; the file has all."""

ROWS_SHOWN = 20

LabelsOption = Annotated[
    str | None, typer.Option("--labels", help="Label set; the latest prediction by default, else the latest round.")
]


def measure(
    masks: Annotated[
        list[Path] | None, typer.Argument(help="Mask files or folders of your own; needs no store.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    labels: LabelsOption = None,
    split: SplitOption = None,
    spacing: Annotated[
        str | None, typer.Option(help="row_mm,column_mm of the mask files, where they do not say it themselves.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="CSV file of the table.")] = None,
    json: JsonOption = False,
) -> None:
    """Measure lesions from masks: RECIST long and short axis in mm, area, and more."""
    from ulskit.evaluation import measure_files, measure_labels
    from ulskit.files import write_text

    if masks:
        table = measure_files(masks, spacing_mm=_spacing(spacing), progress=console.progress)
    else:
        import ulskit

        opened = ulskit.open(store)
        table = measure_labels(
            opened, labels or opened.latest_labels(), splits=tuple(split) if split else None, progress=console.progress
        )
    if output is None and not masks:
        output = Path("measurements.csv") if not json else None
    if output is not None:
        write_text(output, table.to_csv(index=False))
    if json:
        console.document({"measurements": table.to_dict("records")})
        return
    shown = {name: title for name, title in COLUMNS.items() if name in table}
    first = table[list(shown)].head(ROWS_SHOWN)
    rows = [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in first.to_numpy()]
    console.table("measurements", list(shown.values()), rows)
    more = f" (the first {len(rows)} are shown)" if len(table) > len(rows) else ""
    where = f", all in {output}" if output else ""
    console.done(f"{len(table)} lesions measured{more}{where}", then=None if masks else "ulskit evaluate")


def evaluate(
    store: StoreOption = DEFAULT_STORE,
    labels: Annotated[
        list[str] | None, typer.Option("--labels", help="Label set; repeat for several; all by default.")
    ] = None,
    truth: Annotated[str, typer.Option(help="Label set of manual masks.")] = "truth",
    split: SplitOption = None,
    output: Annotated[Path | None, typer.Option(help="CSV file of the figures lesion by lesion.")] = None,
    json: JsonOption = False,
) -> None:
    """Compare masks with manual ones, and diameters with the radiologist's marks."""
    import ulskit
    from ulskit.evaluation import compare_labels, comparison_rows
    from ulskit.files import write_text

    opened = ulskit.open(store)
    evaluations = compare_labels(
        opened, labels, truth=truth, splits=tuple(split) if split else None, progress=console.progress
    )
    if output is not None:
        import pandas as pd

        whole = pd.concat([it.lesions.assign(labels=it.label_set) for it in evaluations])
        write_text(output, whole.to_csv(index=False))
    if json:
        console.document({"evaluations": [it.as_document() for it in evaluations]})
        return
    for title, columns, rows in comparison_rows(evaluations):
        console.table(title, columns, rows)
    console.done(f"{len(evaluations)} label sets compared", then="ulskit report")


def report(
    store: StoreOption = DEFAULT_STORE,
    runs: RunsOption = DEFAULT_RUNS,
    output: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
    truth: Annotated[str, typer.Option(help="Label set of manual masks.")] = "truth",
    lesions: Annotated[int, typer.Option(min=0, help="How many lesions to show.")] = 12,
) -> None:
    """Write one self-contained HTML page: data, labels, curves, results, worst cases, diameters."""
    import ulskit
    from ulskit.report import write_report

    path = write_report(ulskit.open(store), runs, output, truth=truth, lesions_shown=lesions, progress=console.progress)
    console.done(f"{path}: open it in a browser")


def _spacing(text: str | None) -> tuple[float, float] | None:
    from ulskit.errors import UsageError

    if text is None:
        return None
    parts = text.split(",")
    try:
        row_mm, column_mm = (float(part) for part in (parts * 2 if len(parts) == 1 else parts))
    except ValueError as error:
        raise UsageError(f"--spacing {text!r}: expected row_mm,column_mm") from error
    return row_mm, column_mm
