import pytest

from ulskit.phantom import PhantomSettings, make_phantom

SETTINGS = PhantomSettings(
    seed=5, patients=12, size=160, spacing_mm=(1.0, 1.6), long_axis_mm=(14.0, 50.0), studies=(1, 2)
)


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A small phantom data set, made once."""
    place = tmp_path_factory.mktemp("phantom") / "data"
    make_phantom(place, SETTINGS, workers=2)
    return place
