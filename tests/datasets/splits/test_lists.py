import re
from pathlib import Path

import pytest

from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.splits.by_time import split_by_list, split_by_time
from mmseg_splashkd.datasets.splits.lists import read_lists
from tests.datasets.splits.timelines import line


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_text(text, encoding=encoding)
    return str(path)


def test_text_file_has_one_name_per_line(tmp_path: Path):
    train = write(tmp_path / "train.txt", "a/1\n\n  a/2.png \n")
    test = write(tmp_path / "test.txt", "b/3", "utf-8-sig")
    lists = read_lists([f"train={train}", f"test={test}"])
    assert lists == {"train": ["a/1", "a/2.png"], "test": ["b/3"]}


def test_windows_separators_and_utf_16_are_read(tmp_path: Path):
    text = write(tmp_path / "train.txt", "a\\1\r\na\\2.png\r\n", "utf-16")
    table = write(tmp_path / "val.csv", "frame\nb\\3.png\n", "utf-8-sig")
    lists = read_lists([f"train={text}", f"val={table}"])
    assert lists == {"train": ["a/1", "a/2.png"], "val": ["b/3.png"]}


@pytest.mark.parametrize("column", ["frame", "image", "id", "name"])
def test_csv_file_has_a_column_of_names(tmp_path: Path, column: str):
    text = f"label,{column}\nx/1.png, y/1\n,\nx/2.png,y/2\n"
    assert read_lists([f"val={write(tmp_path / 'v.csv', text)}"]) == {
        "val": ["y/1", "y/2"]
    }


def test_one_csv_can_assign_all_parts(tmp_path: Path):
    table = write(tmp_path / "parts.csv", "frame,split\n1,train\n2,test\n3,train\n")
    assert read_lists([table]) == {"train": ["1", "3"], "test": ["2"]}


def test_split_table_is_a_list(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split = split_by_time(line(10))
    table = write_table("split.csv", split)
    assert split_by_list(line(10), read_lists([str(table)])) == split


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", " \n\n", "names no frame"),
        ("a.csv", "frame\n", "names no frame"),
        ("a.csv", "stem,label\n1,2\n", "none of its columns ['stem', 'label'] is one"),
        ("a.csv", "", "none of its columns [] is one of"),
    ],
)
def test_invalid_list_is_refused(tmp_path: Path, name: str, text: str, message: str):
    file = write(tmp_path / name, text)
    with pytest.raises(ValueError, match=re.escape(f"list {file}") + ".*") as error:
        read_lists([f"train={file}"])
    assert message in str(error.value)


def test_row_without_a_part_is_refused(tmp_path: Path):
    table = write(tmp_path / "parts.csv", "id,split\n1,train\n2,\n")
    with pytest.raises(ValueError, match="2 has no part in a column split"):
        read_lists([table])


def test_missing_list_is_refused():
    with pytest.raises(FileNotFoundError, match=r"list no\.txt does not exist"):
        read_lists(["train=no.txt"])


@pytest.mark.parametrize("second", ["{0}", "train={0}"])
def test_each_part_has_one_list(tmp_path: Path, second: str):
    file = write(tmp_path / "a.txt", "1")
    with pytest.raises(ValueError, match="give part=file once per part"):
        read_lists([f"train={file}", second.format(file)])
