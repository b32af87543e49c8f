"""Figures on arrays and tables. Importing this package loads matplotlib; importing ulskit does not."""

from ulskit.figures.evaluation import bland_altman, diameter_scatter, diameters_figure, dice_histogram
from ulskit.figures.lesion import Crop, contour_color, crop_around, lesion_figure, lesion_panel
from ulskit.figures.style import save_figure
from ulskit.figures.training import save_training_curves, training_curves

__all__ = [
    "Crop",
    "bland_altman",
    "contour_color",
    "crop_around",
    "diameter_scatter",
    "diameters_figure",
    "dice_histogram",
    "lesion_figure",
    "lesion_panel",
    "save_figure",
    "save_training_curves",
    "training_curves",
]
