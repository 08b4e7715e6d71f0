"""Names and links in exports that lead elsewhere are refused before any read."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.frames import list_frames
from mmseg_splashkd.datasets.listing import list_pictures
from mmseg_splashkd.foreign.links import check_links, walk
from mmseg_splashkd.report.dataset import check_dataset
from tests.datasets.builders import SIZE, stamp, write_frame, write_label
from tools.convert_dataset import main

RED = "250 50 83 splash\n0 0 0 background\n"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A picture that no data set should hold."""
    write_frame(tmp_path / "private" / f"{stamp(9)}.png", 9)
    return tmp_path / "private" / f"{stamp(9)}.png"


def camvid(root: Path) -> Path:
    """An export of CVAT with one picture and its mask."""
    write_frame(root / "train" / f"{stamp(0)}.png", 0)
    mask = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    write_label(root / "trainannot" / f"{stamp(0)}.png", mask)
    (root / "label_colors.txt").write_text(RED)
    return root


def coco(root: Path, name: str) -> Path:
    """A COCO file with one picture, which is there if its name stays below."""
    rows = [{"id": 1, "file_name": name, "width": SIZE[0], "height": SIZE[1]}]
    content = {"images": rows, "categories": [], "annotations": []}
    root.mkdir(parents=True, exist_ok=True)
    (root / "train.json").write_text(json.dumps(content))
    return root


def convert(tmp_path: Path, name: str, *words: str) -> Path:
    main([name, str(tmp_path / "src"), str(tmp_path / "dst"), *words])
    return tmp_path / "dst"


@pytest.mark.parametrize("absolute", [True, False])
def test_the_target_of_a_link_is_not_copied(tmp_path, private, absolute):
    link = camvid(tmp_path / "src") / "train" / f"{stamp(1)}.png"
    target = private if absolute else Path(os.path.relpath(private, link.parent))
    link.symlink_to(target)
    with pytest.raises(ValueError, match=f"{link} -> {target}.*--follow-links"):
        convert(tmp_path, "masks")
    assert not (tmp_path / "dst").exists()
    dst = convert(tmp_path, "masks", "--follow-links")
    assert len(list(dst.rglob("*.png"))) == 3


@pytest.mark.parametrize("target", ["private", "src/train", "nowhere", "src/loop"])
def test_links_to_folders_and_nowhere_are_refused(tmp_path, private, target):
    link = camvid(tmp_path / "src") / "loop"
    link.symlink_to(tmp_path / target)
    with pytest.raises(ValueError, match=f"links to folders.*{link}"):
        convert(tmp_path, "masks")


def test_a_link_inside_of_a_linked_export_is_harmless(tmp_path):
    src = camvid(tmp_path / "elsewhere")
    (src / "train" / "b.png").symlink_to(f"{stamp(0)}.png")
    (tmp_path / "src").symlink_to(src)
    check_links(tmp_path / "src", "")


def test_links_round_are_followed_once(tmp_path):
    root = tmp_path / "images"
    write_frame(root / "a" / f"{stamp(0)}.png", 0)
    for name in "xy":  # without an end, 2**40 paths
        (root / "a" / name).symlink_to(root)
    assert [os.path.relpath(folder, root) for folder, _ in walk(root)] == [".", "a"]
    assert len(list_pictures(root)[0]) == 1
    assert len(list_frames(root, None)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "../private/a.png",
        "a/../../private/a.png",
        "..\\private\\a.png",
        "/etc/a.png",
        "C:\\private\\a.png",
        "C:/private/a.png",
    ],
)
def test_a_name_that_leads_out_is_refused_by_the_file_that_has_it(tmp_path, name):
    src = coco(tmp_path / "src", name)
    with pytest.raises(ValueError, match=rf"{src / 'train.json'}.*leads out of"):
        convert(tmp_path, "coco")


def test_a_pipe_among_pictures_does_not_wait_for_a_writer(tmp_path):
    pipe = camvid(tmp_path / "src") / "train" / f"{stamp(1)}.png"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=f"{pipe} cannot be read: .*a pipe or"):
        convert(tmp_path, "masks")


def test_an_entity_bomb_is_not_read(tmp_path):
    """CVAT's XML in an export is passed over, and never parsed."""
    bomb = ['<!DOCTYPE a [<!ENTITY e0 "aaaaaaaaaa">']
    bomb += [f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 20)]
    src = camvid(tmp_path / "src")
    (src / "annotations.xml").write_text("\n".join([*bomb, "]><a>&e19;</a>"]))
    assert convert(tmp_path, "masks").is_dir()
    (src / "trainannot" / f"{stamp(0)}.png").unlink()
    (src / "trainannot").rmdir()
    with pytest.raises(FileNotFoundError, match="which is not read: export"):
        main(["masks", str(src), str(tmp_path / "other")])


def test_html_in_the_names_of_an_export_is_text_on_the_page(tmp_path):
    name = "<img src=x onerror=alert(1)>"
    src = coco(tmp_path / "src", f"{name}/{stamp(0)}.png")
    Image.new("RGB", SIZE).save(write_folder(src / name) / f"{stamp(0)}.png")
    table = convert(tmp_path, "coco") / "frames.csv"
    assert name in table.read_text()
    check_dataset(table=table, out=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "onerror" in page
    assert "<img src=x" not in page


def write_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
