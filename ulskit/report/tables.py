"""Tables of the page that come from the store and the runs: what the data are, what was rejected, what made what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ulskit.provenance import package_versions
from ulskit.runs import RunFolder
from ulskit.store import Store
from ulskit.store.schema import SPLITS

REASONS_SHOWN = 12
REJECTED_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Table:
    """Text in rows and columns; the first cell of a row is its heading."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class DataSection:
    """What the store holds, and what it could not take."""

    sentence: str
    tables: list[Table]
    rejected_count: int
    reasons: Table
    rejected: Table


def data_section(store: Store) -> DataSection:
    """Counts of lesions by split, type and size, and the rejected rows with their reasons."""
    lesions, rejected = store.lesions, store.rejected
    known = [name for name in SPLITS.values() if (lesions["split"] == name).any()]
    by_split = [*((name, lesions[lesions["split"] == name]) for name in known), ("all", lesions)]
    splits = Table(
        title="Lesions by split; patients never cross splits",
        columns=["split", "lesions", "patients", "studies", "flagged noisy", "long axis mm, median", "from … to"],
        rows=[
            [
                name,
                str(len(rows)),
                str(rows["patient"].nunique()),
                str(len(rows[["patient", "study"]].drop_duplicates())),
                str(int(rows["noisy"].sum())),
                f"{rows['long_axis_mm'].median():.1f}",
                f"{rows['long_axis_mm'].min():.1f} … {rows['long_axis_mm'].max():.1f}",
            ]
            for name, rows in by_split
        ],
    )
    types = Table(
        title="Lesions by type",
        columns=["type", "lesions"],
        rows=[[str(name), str(count)] for name, count in lesions["lesion_type"].value_counts().items()],
    )
    counts = rejected["reason"].value_counts()
    shown = [[str(reason), str(count)] for reason, count in counts.head(REASONS_SHOWN).items()]
    if len(counts) > REASONS_SHOWN:
        rest = counts.iloc[REASONS_SHOWN:]
        shown.append([f"{len(rest)} further reasons", str(rest.sum())])
    slices = len(store.slices)
    return DataSection(
        sentence=(
            f"{len(store)} lesions of {lesions['patient'].nunique()} patients on {lesions['slice'].nunique()} key "
            f"slices ({slices} slices in the store)."
        ),
        tables=[splits, types],
        rejected_count=len(rejected),
        reasons=Table(title="Why", columns=["reason", "rows or files"], rows=shown),
        rejected=Table(
            title="In the order of DL_info.csv",
            columns=["file", "line of DL_info.csv", "reason"],
            rows=[
                [str(row["file"]), str(row["line"] or "–"), str(row["reason"])]
                for row in rejected.head(REJECTED_SHOWN).to_dict("records")
            ],
        ),
    )


def provenance_tables(store: Store, label_sets: Sequence[str], runs: Sequence[RunFolder]) -> list[Table]:
    """What made the store, the label sets and the runs: versions, seeds, settings, digests."""
    tables = [
        Table(
            title="Store",
            columns=["fact", "value"],
            rows=[["location", store.location], ["digest", store.digest], *_facts(store.made)],
        )
    ]
    if label_sets:
        rows = []
        for name in label_sets:
            made = store.label_made(name)
            rest = {key: value for key, value in made.items() if key not in ("by", "time", "ulskit")}
            rows.append(
                [
                    name,
                    str(int(store.labelled(name).sum())),
                    str(made.get("by", "–")),
                    str(made.get("time", "–")),
                    "; ".join(f"{key}: {value}" for key, value in _facts(rest)),
                ]
            )
        tables.append(Table(title="Label sets", columns=["labels", "lesions", "made by", "at", "from"], rows=rows))
    for run in runs:
        record = run.record()
        facts = {name: record.get(name) for name in ("status", "made", "settings", "versions")}
        tables.append(
            Table(
                title=f"Run {run.name}",
                columns=["fact", "value"],
                rows=[["folder", str(run.path)], *_facts(facts)],
                folded=True,
            )
        )
    versions = Table(title="This page", columns=["package", "version"], rows=_facts(package_versions()))
    return [*tables, versions]


def run_facts(record: Mapping[str, Any], store_digest: str) -> str:
    """One line on a run: network, labels, epochs, seed, whether it has ended, and whether its store was another."""
    settings, made = record.get("settings") or {}, record.get("made") or {}
    network = (settings.get("network") or {}).get("name")
    parts = [
        str(network) if network else "",
        f"labels {made['labels']}" if "labels" in made else "",
        f"{settings['epochs']} epochs" if "epochs" in settings else "",
        f"seed {made['seed']}" if "seed" in made else "",
        str(record.get("status", "")),
        "trained on another store" if made.get("store", store_digest) != store_digest else "",
    ]
    return " · ".join(part for part in parts if part)


def _facts(values: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    """Nested names and values as rows, the names joined by dots."""
    rows: list[list[str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += _facts(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            rows.append([f"{prefix}{name}", text])
    return rows
