"""Figures on arrays and tables. Importing this package loads matplotlib; importing ulskit does not."""

from ulskit.figures.training import save_training_curves, training_curves

__all__ = ["save_training_curves", "training_curves"]
