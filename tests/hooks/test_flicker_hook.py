"""Flicker of a test, by hand."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_splashkd.hooks import FlickerHook

SECOND = 10**9


class Frames:
    """Frames of one row of pixels; the last one is white in every second frame."""

    def __init__(self, folder: Path, seconds: list[float], recordings: str) -> None:
        self.metainfo = {"classes": ("water", "splash")}
        self.infos: list[dict[str, Any]] = []
        for index, (time, name) in enumerate(zip(seconds, recordings, strict=True)):
            pixels = np.full((1, 4, 3), 100, np.uint8)
            pixels[0, 3] = 255 * (index % 2)
            path = folder / f"{index}.png"
            Image.fromarray(pixels).save(path)
            info: dict[str, Any] = {"img_path": str(path), "recording": name}
            self.infos.append(info)
            if time >= 0:
                info["timestamp"] = round(time * SECOND)

    def __len__(self) -> int:
        return len(self.infos)

    def get_data_info(self, index: int) -> dict:
        return self.infos[index]


def run_of(frames: Frames) -> Any:
    return SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=frames),
        message_hub=MessageHub.get_instance("flicker"),
        logger=logging.getLogger("flicker"),
    )


def figures_of(frames: Frames, predictions: list[list[int]], **options: Any) -> dict:
    hook, runner, metrics = FlickerHook(**options), run_of(frames), {"mIoU": 1.0}
    hook.before_test_epoch(runner)
    for index, row in enumerate(predictions):
        sample = SegDataSample()
        sample.set_data({"pred_sem_seg": PixelData(data=torch.tensor([[row]]))})
        hook.after_test_iter(runner, index, None, [sample])
    hook.after_test_epoch(runner, metrics)
    assert not hook.rows
    return metrics


def test_neighbours_in_time_are_compared_where_the_picture_stays(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    frames = Frames(tmp_path, [2, 0, 1], "aaa")  # in time: the 2nd, the 3rd, the 1st
    found = figures_of(frames, [[1, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1]])
    # The fourth pixel is white in the 2nd frame only: it counts once.
    expected = {"Flicker": 100 / 7, "TC.water": 75, "TC.splash": 75, "mTC": 75}
    assert found == pytest.approx({"mIoU": 1.0, **expected})
    assert "14.286 % of the unchanged pixels" in caplog.text
    assert "(2 pairs)" in caplog.text
    hub = MessageHub.get_instance("flicker")
    assert hub.get_scalar("test/Flicker").current() == pytest.approx(100 / 7)


def test_recordings_and_pauses_separate_frames(tmp_path):
    still, moved = [0, 0, 0, 0], [1, 1, 1, 1]
    two = Frames(tmp_path, [0, 1, 2, 3], "aabb")
    assert figures_of(two, [still, still, moved, moved])["Flicker"] == 0
    paused = Frames(tmp_path, [0, 1, 2, 99, 100], "aaaaa")
    assert figures_of(paused, [still, still, still, moved, moved])["Flicker"] == 0


def test_a_larger_tolerance_counts_more_pixels(tmp_path):
    frames = Frames(tmp_path, [0, 1], "aa")
    rows = [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert figures_of(frames, rows)["Flicker"] == 0
    assert figures_of(frames, rows, tolerance=255)["Flicker"] == 25
    with pytest.raises(ValueError, match=r"tolerance must lie in \[0, 255\]"):
        FlickerHook(tolerance=-1)


def test_pictures_are_compared_at_the_size_of_the_prediction(tmp_path):
    frames = Frames(tmp_path, [0, 2], "aa")
    assert (
        figures_of(frames, [[0, 0], [1, 0]])["Flicker"] == 100
    )  # the other pixel changed


@pytest.mark.parametrize("listed", [True, False])
def test_frames_without_time_have_no_figures(tmp_path, caplog, monkeypatch, listed):
    caplog.set_level(logging.INFO)
    frames = Frames(tmp_path, [-1, -1], "aa")
    if not listed:
        monkeypatch.delattr(Frames, "get_data_info")
    assert figures_of(frames, [[0] * 4, [1] * 4]) == {"mIoU": 1.0}
    assert "no frame has a neighbour in time" in caplog.text
