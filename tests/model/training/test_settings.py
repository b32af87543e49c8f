"""Settings: the paper's by default, changed by file and by name, and anything wrong is named in one line."""

import pytest

from ulskit.errors import MissingFileError, UsageError
from ulskit.model.training.settings import TrainingSettings, read_settings


def test_defaults_are_those_of_the_paper():
    settings = TrainingSettings()
    assert (settings.epochs, settings.learning_rate, settings.decay) == (80, 0.001, 0.1)
    assert [share * settings.epochs for share in settings.milestones] == [40, 60]
    assert (settings.level_set.loss, settings.level_set.weight) == ("rls", 0.1)
    assert (settings.roi.min_size, settings.roi.max_size) == (128, 256)
    assert (settings.network.name, settings.network.pretrained) == ("ahrnet", True)


def test_a_file_of_settings_reads_back_as_it_was_written(tmp_path):
    settings = read_settings(None, {"epochs": 3, "network.options.backbone": "hrnet_w18_small", "roi.context": 2.0})
    path = tmp_path / "settings.yaml"
    path.write_text(settings.to_yaml())
    assert read_settings(path) == settings


def test_a_change_wins_over_the_file(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("epochs: 5\nlevel_set:\n  weight: 0.5\n  patience: 2\n")
    settings = read_settings(path, {"level_set.weight": 0.7})
    assert (settings.epochs, settings.level_set.weight, settings.level_set.patience) == (5, 0.7, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "epoch: Extra inputs"),
        ({"epochs": 0}, "epochs: .*greater than or equal to 1"),
        ({"epochs": "many"}, "epochs: .*integer"),
        ({"roi.min_size": 100}, "roi.min_size: .*multiple of 32"),
        ({"val_splits": ["train"]}, "split train is used for training and for validation"),
        ({"level_set": 3}, "level_set"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_settings(None, changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\tx: 1"])
def test_what_is_no_settings_file_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"nothing\.yaml"):
        read_settings(tmp_path / "nothing.yaml")
