"""Commands on data: ingest, ingest-masks, pseudolabel, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ulskit.cli import console
from ulskit.cli.options import (
    DEFAULT_RUNS,
    DEFAULT_STORE,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    RunsOption,
    StoreOption,
    WorkersOption,
)


def add_commands(app: typer.Typer) -> None:
    """Enter the commands of this file."""
    app.command(epilog="Example: ulskit ingest DeepLesion/ --store lesions.zarr")(ingest)
    app.command(epilog="Example: ulskit ingest-masks masks/ --name truth")(ingest_masks)
    app.command(epilog="Example: ulskit pseudolabel --method grabcut --name grabcut")(pseudolabel)
    app.command(epilog="Example: ulskit info --rejected")(info)


def ingest(
    folder: Annotated[
        Path, typer.Argument(help="Folder with DL_info.csv and Images_png/; a part of the PNGs is enough.")
    ],
    store: StoreOption = DEFAULT_STORE,
    context: Annotated[int, typer.Option(min=0, help="Neighbouring slices to store on either side.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row or file.")] = False,
    overwrite: OverwriteOption = False,
    workers: WorkersOption = None,
) -> None:
    """Bring a DeepLesion folder into one chunked Zarr store."""
    from ulskit.ingest import ingest_deeplesion

    made = ingest_deeplesion(
        folder,
        store,
        context_slices=context,
        strict=strict,
        overwrite=overwrite,
        workers=workers,
        progress=console.progress,
    )
    console.done(
        f"{store}: {len(made)} lesions of {made.lesions['patient'].nunique()} patients on {len(made.slices)} slices"
    )
    if len(made.rejected):
        reasons = made.rejected["reason"].value_counts()
        console.say(
            f"  {len(made.rejected)} rows or files rejected, {reasons.iloc[0]} of them because {reasons.index[0]}"
        )
        console.say("  all of them: [bold]ulskit info --rejected[/bold]")
    console.say("  next: [bold]ulskit pseudolabel[/bold]")


def ingest_masks(
    source: Annotated[Path, typer.Argument(help="NIfTI, NRRD, PNG or npz, or a folder of them.")],
    store: StoreOption = DEFAULT_STORE,
    name: Annotated[str, typer.Option(help="Name of the label set.")] = "truth",
    overwrite: OverwriteOption = False,
) -> None:
    """Bring manual masks into the store as a label set, so that results can be evaluated."""
    import ulskit
    from ulskit import ingest as ingesting

    found = ingesting.ingest_masks(
        ulskit.open(store), source, name=name, overwrite=overwrite, progress=console.progress
    )
    console.done(f"labels/{name}: {found.lesions} lesions have a mask", then="ulskit evaluate")
    for rejection in found.rejected[:10]:
        console.say(f"  rejected: {rejection}")
    if len(found.rejected) > 10:
        console.say(f"  … and {len(found.rejected) - 10} more")


def pseudolabel(
    store: StoreOption = DEFAULT_STORE,
    round_: Annotated[int, typer.Option("--round", min=1, help="1: from the marks; later: from the round before.")] = 1,
    method: Annotated[str, typer.Option(help="Label method of round 1; `ulskit models` lists them.")] = "quarter",
    name: Annotated[str | None, typer.Option(help="Name of the label set; round1, round2 … by default.")] = None,
    runs: RunsOption = DEFAULT_RUNS,
    run: Annotated[str | None, typer.Option(help="Run that predicts; that of the round before by default.")] = None,
    best: Annotated[bool, typer.Option("--best", help="Use its best checkpoint instead of its last.")] = False,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    workers: WorkersOption = None,
) -> None:
    """Draw the weak labels of a round: an ellipse for every lesion, or the refined labels of a later round."""
    import ulskit
    from ulskit.labels import label_first_round, round_name

    opened = ulskit.open(store)
    name = name or round_name(round_)
    if round_ == 1:
        count = label_first_round(
            opened, method=method, name=name, overwrite=overwrite, workers=workers, progress=console.progress
        )
    else:
        from ulskit.model.prediction.store import label_round
        from ulskit.runs import RunFolder

        before = RunFolder(runs / (run or round_name(round_ - 1)))
        count = label_round(
            opened,
            round_,
            before,
            name=name,
            kind="best" if best else "last",
            device=device,
            overwrite=overwrite,
            progress=console.progress,
        )
    then = "ulskit train" + (f" --round {round_}" if round_ > 1 else "")
    console.done(f"labels/{name} of {store}: {count} lesions", then=then)


def info(
    store: StoreOption = DEFAULT_STORE,
    runs: RunsOption = DEFAULT_RUNS,
    run: Annotated[str | None, typer.Option(help="Describe this run instead of the store.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="List every rejected row and file.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what a store or a run holds and how it was made."""
    import ulskit
    from ulskit.info import describe_run, describe_store
    from ulskit.runs import RunFolder

    if run is not None:
        facts = describe_run(RunFolder(runs / run))
    else:
        opened = ulskit.open(store)
        facts = describe_store(opened)
        if rejected:
            facts["rejected"]["rows"] = opened.rejected.to_dict("records")
    if json:
        console.document(facts)
        return
    if rejected and run is None:
        rows = [[row["file"], str(row["line"] or ""), row["reason"]] for row in facts["rejected"]["rows"]]
        console.table("rejected", ["file", "line of DL_info.csv", "reason"], rows)
        return
    console.facts(facts)
