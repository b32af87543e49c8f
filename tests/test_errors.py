"""Every error derives from one base, from the built-in it refines, and says its message plainly."""

import inspect

import pytest

from ulskit import errors

CLASSES = [
    item
    for _, item in inspect.getmembers(errors, inspect.isclass)
    if issubclass(item, errors.UlskitError) and item is not errors.MissingExtraError
]


@pytest.mark.parametrize("error", CLASSES)
def test_the_message_is_printed_as_it_was_given(error):
    assert str(error("no such thing: do that")) == "no such thing: do that"
    assert issubclass(error, errors.UlskitError)


@pytest.mark.parametrize(
    ("error", "refined", "exit_code"),
    [
        (errors.UsageError, ValueError, 2),
        (errors.DataError, ValueError, 1),
        (errors.MissingFileError, FileNotFoundError, 1),
        (errors.StoreError, Exception, 1),
        (errors.GeometryError, ValueError, 1),
        (errors.RegistryError, KeyError, 2),
        (errors.MissingExtraError, ImportError, 1),
    ],
)
def test_those_who_use_functions_alone_catch_the_built_in(error, refined, exit_code):
    assert issubclass(error, refined)
    assert error.exit_code == exit_code


def test_a_missing_extra_names_the_line_that_installs_it():
    assert str(errors.MissingExtraError("pydicom", "clinical")).endswith("pip install 'ulskit[clinical]'")
