"""The application: its commands, and the one place where errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ulskit.cli import data, demo, learning, results
from ulskit.errors import UlskitError

INTERRUPTED = 130

app = typer.Typer(
    name="ulskit",
    help="Universal lesion segmentation in CT from weak labels: RECIST marks in, masks and measurements out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        from ulskit.provenance import ulskit_version

        typer.echo(ulskit_version())
        raise typer.Exit


for group in (data, learning, results, demo):
    group.add_commands(app)


def main() -> None:
    """Entry point of the ``ulskit`` command."""
    # Torch's threads spin for long while they wait for each other, and two programs that do so starve each other. A
    # short spin costs a tenth alone and is up to seven times faster beside another (docs/benchmarks.md).
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    debug = "--debug" in sys.argv
    if debug:  # may stand anywhere on the line
        sys.argv.remove("--debug")
    try:
        app()
    except UlskitError as error:
        if debug:
            raise
        typer.echo(f"ulskit: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        if debug:
            raise
        typer.echo("\nulskit: interrupted; the same command goes on from here", err=True)
        sys.exit(INTERRUPTED)
