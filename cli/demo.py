"""The command that shows the whole job: demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ulskit.cli import console


def add_commands(app: typer.Typer) -> None:
    """Enter the commands of this file."""
    app.command(epilog="Example: ulskit demo --folder my-demo --rounds 3")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Everything the demo makes goes here.")] = Path("ulskit-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the phantoms and of the training.")] = 0,
    patients: Annotated[int | None, typer.Option(min=6, help="Phantom patients; 320 by default.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds of training; 3 by default.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of each round; the demo's own by default.")] = None,
) -> None:
    """Make CT phantoms with a known truth and run the whole job on them, on a CPU, in under ten minutes."""
    from ulskit.evaluation import comparison_rows
    from ulskit.model.demo import run_demo

    given = {"patients": patients, "rounds": rounds, "epochs": epochs}
    chosen = {name: value for name, value in given.items() if value is not None}
    result = run_demo(folder, seed=seed, progress=console.progress, **chosen)
    for title, columns, rows in comparison_rows(result.evaluations):
        console.table(title, columns, rows)
    console.done(f"{result.report}: open it in a browser", then=f"ulskit info --store {folder / 'ulskit.zarr'}")
