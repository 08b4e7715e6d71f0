"""Files that would take all memory or time are refused by name before they are read."""

import io
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mmseg_splashkd import limits
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.datasets.checks import check_files
from mmseg_splashkd.datasets.converters.video import read_video
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.datasets.label_coding import (
    SPLASH,
    load_label_coding,
    read_gray,
)
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records.run_file import read_record
from tests.conftest import ROOT

SIDE = 12_000  # 144 million pixels
ARCHIVE = 40 * 2**20  # bytes
CODING = "classes: [a, b]\npalette: [[0, 0, 0], [1, 1, 1]]\n"


def large_archive(path: Path, name: str, header: bytes = b"") -> None:
    """An archive of 40 kB that expands to 40 MiB."""
    content = header + bytes(ARCHIVE)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


def large_scores(path: Path) -> None:
    header = io.BytesIO()
    about = {"descr": "<i8", "fortran_order": False, "shape": (ARCHIVE // 8,)}
    np.lib.format.write_array_header_1_0(header, about)
    large_archive(path, "confusion.npy", header.getvalue())


def promised_scores(path: Path) -> None:
    """A record of a few bytes, whose header promises a large array."""
    header = io.BytesIO()
    about = {"descr": "<i8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("confusion.npy", header.getvalue())


def large_checkpoint(path: Path) -> None:
    large_archive(path, "archive/data.pkl")


def expanded_tensor(path: Path) -> None:
    torch.save({"state_dict": {"w": torch.zeros(1).expand(2**40)}}, path)


def many_records(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            archive.writestr(f"archive/{number}", b"")


def many_tensors(path: Path) -> None:
    save_file({f"t{number}": torch.empty(0) for number in range(300)}, path)


def long_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**40) + b"{}")


def many_cells(path: Path) -> None:
    path.write_text("recording,timestamp,frame,label\n" + "," * 300)


def long_text(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # a sparse file


def nested_json(path: Path) -> None:
    path.write_text(f'{{"a": {"[" * 150}{"]" * 150}}}')


def nested_yaml(path: Path) -> None:
    path.write_text(f"{CODING}gray_to_train_id: {'[' * 150}{']' * 150}\n")


def refused(path: Path, read: Callable[[], object], message: str) -> None:
    """Check the error, and that almost no memory was taken for it."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 2**20
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "write", "read", "limit", "number"),
    [
        ("s.npz", large_scores, load_scores, "EXPANDED_BYTES", ARCHIVE + 128),
        ("c.pth", large_checkpoint, read_checkpoint, "EXPANDED_BYTES", ARCHIVE),
        ("c.pth", expanded_tensor, read_checkpoint, "EXPANDED_BYTES", 2**42),
        ("c.safetensors", long_header, read_checkpoint, "HEADER_BYTES", 2**40),
        ("t.csv", long_text, read_table, "TEXT_BYTES", 2**30 + 1),
        ("l.yaml", nested_yaml, load_label_coding, "NESTING", 101),
        ("c.pth", many_records, read_checkpoint, "RECORDS", 300),
        ("c.safetensors", many_tensors, read_checkpoint, "RECORDS", 300),
        ("t.csv", many_cells, read_table, "CELLS", 305),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_beyond_a_limit_is_refused_before_it_is_read(
    tmp_path, monkeypatch, name, write, read, limit, number
):
    write(tmp_path / name)
    variable = f"SPLASHKD_MAX_{limit}"
    if limit in ("RECORDS", "CELLS"):
        monkeypatch.setenv(variable, "200")
    elif number // ARCHIVE == 1:
        monkeypatch.setenv(variable, str(2**25))
    message = f"{number} .*more than the limit of .*{variable}={number}"
    refused(tmp_path / name, lambda: read(tmp_path / name), message)


def test_nested_records_and_promised_arrays_are_refused(tmp_path):
    nested_json(tmp_path / "run.json")
    refused(tmp_path / "run.json", lambda: read_record(tmp_path), "101 levels of nest")
    path = tmp_path / "s.npz"
    promised_scores(path)
    refused(path, lambda: load_scores(path), "8796093022208 bytes.* than its record")


def test_tied_weights_are_no_expansion(tmp_path, monkeypatch):
    tied = torch.zeros(10_000)
    torch.save({"state_dict": {"a": tied, "b": tied, "c": tied}}, tmp_path / "c.pth")
    monkeypatch.setenv("SPLASHKD_MAX_EXPANDED_BYTES", "1")
    assert len(read_checkpoint(tmp_path / "c.pth")["state_dict"]) == 3


def test_limits_can_be_raised(tmp_path, monkeypatch):
    many_tensors(tmp_path / "c.safetensors")
    monkeypatch.setenv("SPLASHKD_MAX_RECORDS", "299")
    with pytest.raises(ValueError, match="SPLASHKD_MAX_RECORDS=300"):
        read_checkpoint(tmp_path / "c.safetensors")
    monkeypatch.setenv("SPLASHKD_MAX_RECORDS", "300")
    assert len(read_checkpoint(tmp_path / "c.safetensors")["state_dict"]) == 300


@pytest.mark.parametrize("text", ["", "0", "-1", "many", "1e9", "²"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("SPLASHKD_MAX_CELLS", text)
    with pytest.raises(ValueError, match=f"SPLASHKD_MAX_CELLS={text!r} must be"):
        limits.CELLS.check(1, "x")


def test_an_alias_of_yaml_that_would_multiply_values_is_refused(tmp_path):
    path = tmp_path / "l.yaml"
    rows = [f"v{i}: &v{i} [{', '.join([f'*v{i - 1}'] * 9)}]" for i in range(1, 30)]
    path.write_text("\n".join([CODING, "v0: &v0 [a]", *rows]))
    refused(path, lambda: load_label_coding(path), "line 5 has an alias")


def test_limits_are_documented_with_their_defaults():
    page = (ROOT / "docs" / "data.md").read_text("utf-8")
    rows = [f"| `{each.variable}` | {each.default} |" for each in limits.LIMITS]
    assert re.findall(r"^(\| `SPLASHKD_MAX_.*? \| \d+ \|)", page, re.M) == rows


# Pictures.


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A label of 12,000 x 12,000 pixels in 20 kB."""
    path = tmp_path_factory.mktemp("large") / "large.png"
    Image.new("1", (SIDE, SIDE)).save(path)
    return path


def test_a_large_picture_is_refused_before_it_is_decoded(large):
    message = f"{large} cannot be read: .*144000000 pixels.*SPLASHKD_MAX_PIXELS"
    refused(large, lambda: read_gray(large), message)
    refused(large, lambda: read_as_training(large), message)
    frame = Frame("", 1, str(large), str(large))
    findings = check_files({"train": [frame]}, SPLASH, progress=False).findings
    codes = [finding.code for finding in findings]
    assert codes == ["unreadable_image", "unreadable_label"]
    assert all("144000000 pixels" in finding.message for finding in findings)


def test_a_picture_beyond_the_limit_of_pillow_is_read_if_ours_is_raised(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.png"
    Image.new("L", (30, 20)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # it refuses twice that
    monkeypatch.setenv("SPLASHKD_MAX_PIXELS", "600")
    assert read_gray(path).shape == (20, 30)
    assert Image.MAX_IMAGE_PIXELS == 200


def test_a_large_video_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8))
        container.mux([*stream.encode(black), *stream.encode()])
    assert len(list(read_video(path, start=0))) == 1
    monkeypatch.setenv("SPLASHKD_MAX_PIXELS", "500")
    with pytest.raises(ValueError, match=f"{path} has 512 pixels.*MAX_PIXELS=512"):
        read_video(path, start=0)


def test_pixels_of_classes_are_counted_in_little_memory():
    ids = np.random.default_rng(0).integers(0, 2, (1000, 2000)).astype(np.uint8)
    ids[:10] = 255
    tracemalloc.start()
    try:
        counts = SPLASH.class_pixels(ids)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counts.tolist() == [(ids == 0).sum(), (ids == 1).sum()]
    assert peak < ids.nbytes / 10


def test_a_file_of_another_program_is_not_handed_to_it(tmp_path):
    path = tmp_path / "a.png"
    lines = "%!PS-Adobe-3.0 EPSF-3.0", "%%BoundingBox: 0 0 8 8", "%%EndComments"
    path.write_text("\n".join([*lines, ""]))
    with Image.open(path) as image:
        assert image.format == "EPS"  # which Pillow reads by Ghostscript
    with pytest.raises(ValueError, match=f"{path} cannot be read: cannot identify"):
        read_gray(path)


@pytest.mark.parametrize("read", [read_gray, read_table], ids=["label", "table"])
def test_a_device_is_not_read(read):
    with pytest.raises((ValueError, FileNotFoundError), match="/dev/zero"):
        read("/dev/zero")
