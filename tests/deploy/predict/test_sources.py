"""Which pictures are predicted, and the names of what is written."""

import pytest

from mmseg_splashkd.deploy.predict.sources import find_pictures
from tests.deploy.predict.fakes import noise, write


def touch(root, *names: str):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_names_keep_the_folder_below_the_common_one(tmp_path):
    touch(tmp_path, "one/b/x.png", "one/a/x.JPG", "one/readme.txt", "one/._x.png")
    found = find_pictures([tmp_path / "one"])
    assert [(each.name, each.file) for each in found.found] == [
        ("a/x", "a/x.JPG"),
        ("b/x", "b/x.png"),
    ]
    assert found.passed_over == {".txt": 1, "hidden": 1}
    touch(tmp_path, "two/x.png")
    both = find_pictures([tmp_path / "one", str(tmp_path / "two")])
    assert [each.name for each in both.found] == ["one/a/x", "one/b/x", "two/x"]
    assert both.root == tmp_path
    assert both.folders == (tmp_path / "one", tmp_path / "two")


def test_a_file_is_taken_whatever_its_suffix_and_once(tmp_path):
    touch(tmp_path, "a.picture", "b.png")
    found = find_pictures([tmp_path / "a.picture", tmp_path, tmp_path / "b.png"])
    assert [each.file for each in found.found] == ["a.picture", "b.png"]


def test_names_are_valid_on_all_systems(tmp_path):
    touch(tmp_path, "a:b/con.png")
    assert [each.name for each in find_pictures([tmp_path]).found] == ["a_b/_con"]


@pytest.mark.parametrize("names", [("a.png", "a.jpg"), ("a.png", "A.png")])
def test_two_pictures_of_one_name_are_refused(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(ValueError, match=r"would both be written to .*\.png: rename"):
        find_pictures([tmp_path])


def test_folders_without_pictures_are_refused(tmp_path):
    touch(tmp_path, "a.xml", "b.xml")
    with pytest.raises(
        ValueError, match=r"which holds 2 \.xml: pictures end with \.png"
    ):
        find_pictures([tmp_path])


def test_links_are_followed(tmp_path):
    write(tmp_path / "real" / "a.png", noise(3, 3))
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "link").symlink_to(tmp_path / "real")
    (found,) = find_pictures([tmp_path / "shown"]).found
    assert found.name == "link/a"
