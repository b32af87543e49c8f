"""Comparison of a predicted mask with the true one, and summaries over many lesions."""

from ulskit.metrics.overlap import Overlap, overlap
from ulskit.metrics.segmentation import SegmentationMetrics, segmentation_metrics
from ulskit.metrics.summary import (
    DiceHistogram,
    MetricsSummary,
    Spread,
    cumulative_histogram,
    spread,
    summarize_metrics,
)
from ulskit.metrics.surface import SurfaceDistances, surface_distances

__all__ = [
    "DiceHistogram",
    "MetricsSummary",
    "Overlap",
    "SegmentationMetrics",
    "Spread",
    "SurfaceDistances",
    "cumulative_histogram",
    "overlap",
    "segmentation_metrics",
    "spread",
    "summarize_metrics",
    "surface_distances",
]
