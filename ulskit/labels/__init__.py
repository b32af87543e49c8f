"""Weak labels: masks from RECIST marks, refined round by round."""

from ulskit.labels.methods import LABEL_METHODS, LabelMethod, MarkedImage
from ulskit.labels.refinement import refine_label
from ulskit.labels.rounds import label_first_round, label_later_round, round_name

__all__ = [
    "LABEL_METHODS",
    "LabelMethod",
    "MarkedImage",
    "label_first_round",
    "label_later_round",
    "refine_label",
    "round_name",
]
