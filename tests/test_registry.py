"""The registry: explicit names, entry points of other packages, and no name twice."""

from importlib.metadata import EntryPoint

import pytest

from ulskit import registry as registry_module
from ulskit.errors import RegistryError
from ulskit.registry import Registry


@pytest.fixture
def plugins(monkeypatch):
    points = []
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [p for p in points if p.group == group])

    def add(name, value):
        points.append(EntryPoint(name=name, value=value, group="tests.things"))

    return add


@pytest.fixture
def things(plugins):
    return Registry("thing", "tests.things")


def test_what_is_registered_is_found_under_its_name(things):
    @things.register("one")
    def one():
        return 1

    assert things.get("one") is one
    assert things.names() == ["one"]
    assert things.origin("one") == __name__


def test_a_taken_name_is_refused(things):
    things.register("one")(1)
    with pytest.raises(RegistryError, match="thing 'one' exists already"):
        things.register("one")(2)
    assert things.get("one") == 1


def test_an_unknown_name_lists_near_ones(things):
    for name in ("unet", "hrnet", "ahrnet"):
        things.register(name)(name)
    with pytest.raises(RegistryError, match=r"no thing 'ahrnt'; there is ahrnet"):
        things.get("ahrnt")
    with pytest.raises(KeyError, match="unet"):
        things.get("zzz")


def test_a_plug_in_is_loaded_only_when_asked_for(things, plugins):
    plugins("square", "math:sqrt")
    plugins("broken", "no_such_module:thing")
    assert things.names() == ["broken", "square"]
    assert things.get("square")(9) == 3
    assert things.origin("square") == "math"
    with pytest.raises(RegistryError, match=r"thing 'broken' of no_such_module:thing does not load: No module"):
        things.get("broken")


def test_a_plug_in_cannot_take_a_name_that_is_taken(things, plugins):
    things.register("one")(1)
    plugins("two", "math:sqrt")
    fresh = Registry("thing", "tests.things")
    fresh._entries["two"] = 2
    with pytest.raises(RegistryError, match="thing 'two' of math:sqrt exists already"):
        fresh.names()


def test_two_plug_ins_cannot_share_a_name(things, plugins):
    plugins("two", "math:sqrt")
    plugins("two", "math:floor")
    with pytest.raises(RegistryError, match="uninstall one"):
        things.names()


def test_the_same_plug_in_seen_twice_is_one(things, plugins):
    plugins("two", "math:sqrt")
    plugins("two", "math:sqrt")  # an editable install can list its entry points twice
    assert things.names() == ["two"]


def test_a_plug_ins_name_cannot_be_registered(things, plugins):
    plugins("two", "math:sqrt")
    with pytest.raises(RegistryError, match="exists already"):
        things.register("two")(2)
