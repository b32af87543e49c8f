"""ulskit: universal lesion segmentation in CT from weak labels.

The names below are loaded at their first use, so that ``import ulskit`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ulskit.geometry.ellipse import constrained_region, ellipse_mask, outer_lens
    from ulskit.ingest import ingest_deeplesion
    from ulskit.labels import label_first_round, refine_label
    from ulskit.measure import Measurement, measure_mask
    from ulskit.metrics import SegmentationMetrics, segmentation_metrics
    from ulskit.store import Store
    from ulskit.store import open_store as open

_HOMES = {
    "Measurement": "ulskit.measure",
    "SegmentationMetrics": "ulskit.metrics",
    "Store": "ulskit.store",
    "constrained_region": "ulskit.geometry.ellipse",
    "ellipse_mask": "ulskit.geometry.ellipse",
    "ingest_deeplesion": "ulskit.ingest",
    "label_first_round": "ulskit.labels",
    "measure_mask": "ulskit.measure",
    "open": "ulskit.store:open_store",
    "outer_lens": "ulskit.geometry.ellipse",
    "refine_label": "ulskit.labels",
    "segmentation_metrics": "ulskit.metrics",
}

__all__ = [
    "Measurement",
    "SegmentationMetrics",
    "Store",
    "constrained_region",
    "ellipse_mask",
    "ingest_deeplesion",
    "label_first_round",
    "measure_mask",
    "open",
    "outer_lens",
    "refine_label",
    "segmentation_metrics",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ulskit.provenance import ulskit_version

        return ulskit_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'ulskit' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
