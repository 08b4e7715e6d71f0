"""Pictures of frames, drawn without a model."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_splashkd.hooks import PaintFramesHook, caption, paint_frames_hook

PALETTE = [[0, 0, 200], [250, 0, 0]]


def draw(folder: Path, size: tuple[int, int], **options: Any) -> tuple[Path, list[str]]:
    """Draw a gray frame whose left half is a boat, found in its left quarter."""
    height, width = size
    frame = folder / "images" / "east" / "7.png"
    frame.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (100, 100, 100)).save(frame)
    info = {"img_path": str(frame), "recording": "east"}

    class Frames(SimpleNamespace):
        def __len__(self) -> int:
            return 1

        def get_data_info(self, _: int) -> dict[str, str]:
            return info

    meta = {"classes": ("water", "boat"), "palette": PALETTE}
    loader = SimpleNamespace(dataset=Frames(metainfo=meta))
    runner: Any = SimpleNamespace(
        test_dataloader=loader, test_loop=SimpleNamespace(evaluator=None)
    )
    truth, found = (torch.zeros(1, height, width, dtype=torch.long) for _ in range(2))
    truth[..., : width // 2] = 1
    found[..., : width // 4] = 1
    sample = SimpleNamespace(
        img_path=str(frame),
        gt_sem_seg=SimpleNamespace(data=truth),
        pred_sem_seg=SimpleNamespace(data=found),
    )
    hook = PaintFramesHook(str(folder / "show"), **options)
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, outputs=[sample])
    return folder / "show" / "east" / "7.png", [str(frame)]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Text of the captions that are drawn."""
    written: list[str] = []

    def keep(picture: Image.Image, lines: Any) -> Image.Image:
        written.extend(" ".join(text for _, text in line) for line in lines)
        return caption.with_caption(picture, lines)

    monkeypatch.setattr(paint_frames_hook, "with_caption", keep)
    return written


def test_three_pictures_above_a_caption(tmp_path: Path, lines: list[str]):
    path, _ = draw(tmp_path, (40, 80))
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert (pixels[:40, :80] == 100).all()
    assert (pixels[:40, 80:120] == [175, 50, 50]).all()
    assert (pixels[:40, 120:160] == [50, 50, 150]).all()
    assert (pixels[:40, 160:180] == [175, 50, 50]).all()
    assert (pixels[:40, 180:240] == [50, 50, 150]).all()
    assert (pixels[40:] != caption.BACKGROUND).any()  # text
    assert lines == [
        "east/7: frame, label, prediction",
        "water boat ignored",
        "boat: Dice 66.7 %; argmax",
    ]


def test_large_frames_are_scaled_down(tmp_path: Path):
    path, _ = draw(tmp_path, (90, 900), max_side=540)
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape[1] == 540
    assert (pixels[:18, :180] == 100).all()
    assert (pixels[:18, 180:270] == [175, 50, 50]).all()
    assert (pixels[18] == caption.BACKGROUND).all()
    with Image.open(draw(tmp_path, (900, 90), max_side=300)[0]) as image:
        assert image.height > 300  # and the caption
        assert np.asarray(image)[299, 0].tolist() == [100, 100, 100]


def test_the_class_of_the_dice_can_be_named(tmp_path: Path, lines: list[str]):
    draw(tmp_path, (40, 80), focus_class="water")
    assert lines[-1] == "water: Dice 80.0 %; argmax"


def test_a_picture_has_a_side(tmp_path: Path):
    with pytest.raises(ValueError, match="max_side=2 must be 3 pixels or more"):
        PaintFramesHook(str(tmp_path), max_side=2)


def test_long_lines_are_wrapped_and_cut():
    classes = [((9, 9, 9), f"class number {n}") for n in range(20)]
    name = [(None, f"{'x' * 200}/the_end")]
    card = caption.with_caption(Image.new("RGB", (10, 10)), [name, classes])
    assert card.width == caption.WIDTH
    assert card.height > 10 + 5 * caption.LINE
