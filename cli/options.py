"""Options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StoreOption = Annotated[str, typer.Option("--store", envvar="ULSKIT_STORE", help="The store: a folder or a URL.")]
RunsOption = Annotated[Path, typer.Option("--runs", envvar="ULSKIT_RUNS", help="Folder of the run folders.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what was made from something else.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, nothing else.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 …")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Threads; all cores by default.")]
SplitOption = Annotated[list[str] | None, typer.Option("--split", help="train, val or test; repeat for several.")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="YAML file with training settings.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Any setting, as name=value, e.g. --set level_set.weight=0.3")
]

DEFAULT_STORE = "ulskit.zarr"
DEFAULT_RUNS = Path("runs")
