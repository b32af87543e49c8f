"""Training curves show what the table holds, and when something changed."""

import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from ulskit.figures import save_training_curves, training_curves


@pytest.fixture
def table():
    epoch = np.arange(12)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "learning_rate": np.where(epoch < 6, 1e-3, np.where(epoch < 9, 1e-4, 1e-5)),
            "level_set_active": (epoch >= 4).astype(int),
            "loss": 2.0,
            "segmentation_loss": 3 / (epoch + 1),
            "level_set_loss": 0.1 / (epoch + 1),
            "val_segmentation_loss": 4 / (epoch + 1),
            "val_dice": epoch / 12,
        }
    )


def vertical_lines(axes):
    return sorted(line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1)


def test_each_panel_draws_its_columns_over_epochs_from_one(table):
    segmentation, level_set, dice = training_curves(table).axes
    for axes, columns in (
        (segmentation, ["segmentation_loss", "val_segmentation_loss"]),
        (level_set, ["level_set_loss"]),
        (dice, ["val_dice"]),
    ):
        for line, column in zip(axes.lines, columns, strict=False):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 13))
            np.testing.assert_array_equal(line.get_ydata(), table[column])


def test_changes_are_marked_at_their_epoch_and_named(table):
    figure = training_curves(table)
    for axes in figure.axes:
        assert vertical_lines(axes) == [4.5, 6.5, 9.5]  # before epochs 5, 7 and 10
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["level set term counts from epoch 5", "learning rate falls to 1e-4 at 7, 1e-5 at 10"]


def test_what_never_happened_is_not_marked(table):
    figure = training_curves(table.assign(level_set_active=0, learning_rate=0.001))
    assert not figure.legends
    assert all(vertical_lines(axes) == [] for axes in figure.axes)


def test_panels_without_columns_are_left_out(table):
    bare = table.drop(columns=["val_dice", "val_segmentation_loss"]).assign(level_set_loss=np.nan)
    assert len(training_curves(bare).axes) == 1


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_short_tables_are_drawn(table, tmp_path, epochs):
    save_training_curves(table.head(epochs), tmp_path / "curves.png")
    assert cv2.imread(str(tmp_path / "curves.png")) is not None


def test_a_table_without_columns_says_that_no_epoch_has_ended(tmp_path):
    texts = [text.get_text() for text in training_curves(pd.DataFrame()).axes[0].texts]
    assert texts == ["no epoch has ended yet"]


def test_importing_ulskit_loads_no_matplotlib_and_figures_no_pyplot():
    code = (
        "import sys, ulskit, ulskit.store, ulskit.evaluation; assert 'matplotlib' not in sys.modules;"
        "import ulskit.figures; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
