"""What a store or a run holds, as plain values: the content of ``ulskit info``."""

from __future__ import annotations

from typing import Any

from ulskit.runs import RunFolder
from ulskit.store import Store
from ulskit.store.schema import FORMAT_VERSION


def describe_store(store: Store) -> dict[str, Any]:
    """Counts, label sets, rejections and provenance of a store; plain JSON values."""
    lesions, rejected = store.lesions, store.rejected
    return {
        "store": store.location,
        "format": FORMAT_VERSION,
        "digest": store.digest,
        "made": store.made,
        "slices": len(store.slices),
        "lesions": len(store),
        "patients": int(lesions["patient"].nunique()),
        "studies": len(lesions[["patient", "study"]].drop_duplicates()),
        "splits": _counts(lesions["split"]),
        "lesion_types": _counts(lesions["lesion_type"]),
        "noisy": int(lesions["noisy"].sum()),
        "long_axis_mm": {
            name: round(float(lesions["long_axis_mm"].quantile(share)), 1)
            for name, share in (("min", 0.0), ("median", 0.5), ("max", 1.0))
        },
        "labels": {
            name: {"lesions": int(store.labelled(name).sum()), **store.label_made(name)} for name in store.labels()
        },
        "rejected": {"count": len(rejected), "reasons": _counts(rejected["reason"])},
    }


def describe_run(run: RunFolder) -> dict[str, Any]:
    """Status, settings, provenance and the figures of the last epoch of a run; plain JSON values."""
    record, metrics = run.record(), run.metrics()
    last = {} if metrics.empty else metrics.iloc[-1].dropna().to_dict()
    return {**record, "path": str(run.path), "epochs_done": len(metrics), "last_epoch": last}


def _counts(column: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items()}
