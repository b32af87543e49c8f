"""Whoever reads a file that we write sees the old one or the new one, never half of it."""

import stat

import pytest

from ulskit.files import remove_unfinished, replacing, write_text


def test_text_arrives_whole_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "text.json"
    write_text(path, "ä × ∩\n")
    assert path.read_text(encoding="utf-8") == "ä × ∩\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "text.txt"
    write_text(path, "old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_there_until_the_end(tmp_path):
    path = tmp_path / "text.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("name", ["mask.nii.gz", "curves.png", "no-suffix"])
def test_the_temporary_file_has_the_same_suffix_and_folder(tmp_path, name):
    with replacing(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert "".join(temporary.suffixes[-2:]).endswith("".join((tmp_path / name).suffixes))
        temporary.write_text("x")


def test_permissions_are_those_of_any_new_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_text(tmp_path / "ours", "x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_what_a_killed_writer_left_can_be_removed(tmp_path):
    write_text(tmp_path / "deep" / "kept", "x")
    with replacing(tmp_path / "deep" / "text.txt") as temporary:
        left = temporary.with_name(temporary.name + "2")
        left.write_text("as if killed")
        temporary.write_text("x")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["kept", "text.txt"]
