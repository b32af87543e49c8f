"""CT phantoms with known truth, in DeepLesion's form.

:func:`make_phantom` writes a data set of patients with several lesions and follow-up studies; :func:`phantom_slice`
gives one slice as arrays. Everything is random by one seed and repeatable to the byte.
"""

from ulskit.phantom.dataset import (
    PhantomSummary,
    PhantomTruth,
    make_phantom,
    read_truth,
    render_view,
    summarize_phantom,
)
from ulskit.phantom.kinds import KINDS, LesionKind
from ulskit.phantom.lesions import Lesion
from ulskit.phantom.patients import Patient, PhantomSettings, Study, View, draw_patient
from ulskit.phantom.reader import drawn_mark, true_mark
from ulskit.phantom.shapes import SHAPES, lesion_outline, real_outline, split_outlines
from ulskit.phantom.slices import LEVELS, PhantomSlice, draw_section, phantom_slice, render_slice
from ulskit.phantom.tissues import PHASES, TISSUES, Tissue

__all__ = [
    "KINDS",
    "LEVELS",
    "PHASES",
    "SHAPES",
    "TISSUES",
    "Lesion",
    "LesionKind",
    "Patient",
    "PhantomSettings",
    "PhantomSlice",
    "PhantomSummary",
    "PhantomTruth",
    "Study",
    "Tissue",
    "View",
    "draw_patient",
    "draw_section",
    "drawn_mark",
    "lesion_outline",
    "make_phantom",
    "phantom_slice",
    "read_truth",
    "real_outline",
    "render_slice",
    "render_view",
    "split_outlines",
    "summarize_phantom",
    "true_mark",
]
