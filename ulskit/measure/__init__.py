"""Measurement of lesions from masks, and the agreement of two measurements."""

from ulskit.measure.agreement import Agreement, IntraclassCorrelation, agreement, icc_2_1
from ulskit.measure.mask import Measurement, measure_mask, measure_masks, measure_probability

__all__ = [
    "Agreement",
    "IntraclassCorrelation",
    "Measurement",
    "agreement",
    "icc_2_1",
    "measure_mask",
    "measure_masks",
    "measure_probability",
]
