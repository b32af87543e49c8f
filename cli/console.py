"""What the user sees: messages on standard error, documents on standard output, one progress bar at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from ulskit.progress import Advance

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """One line for the user."""
    err.print(message, soft_wrap=True)


def done(message: str, then: str | None = None) -> None:
    """What was made and where, and the next command to type."""
    err.print(f"[green]✓[/green] {message}", soft_wrap=True)
    if then:
        err.print(f"  next: [bold]{then}[/bold]", soft_wrap=True)


def document(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))  # noqa: T201


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for at, column in enumerate(columns):
        shown.add_column(column, justify="left" if at == 0 else "right", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    out.print(shown)


@contextmanager
def progress(description: str, total: int) -> Iterator[Advance]:
    """A bar with an estimate of the time left; on a log file, one line at the start."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not err.is_terminal:
        err.print(f"{description}: {total}", soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(description, total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            fields: dict[str, Any] = {"note": note} if note else {}
            bar.update(task, advance=steps, **fields)

        yield advance


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot hold become null; numpy's become Python's."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def facts(values: Mapping[str, Any]) -> None:
    """Nested names and values, indented, on standard output."""
    import yaml

    out.print(
        yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True).rstrip(), soft_wrap=True, markup=False
    )
