"""The wide picture of the README."""

import numpy as np
from PIL import Image

from mmseg_splashkd.report.arms import gather_arms
from mmseg_splashkd.report.experiments.panels import hero_pictures
from mmseg_splashkd.report.hero import write_hero
from mmseg_splashkd.report.scored_runs import select_runs


def test_frame_truth_and_every_arm_side_by_side(two, tmp_path):
    arms, _ = gather_arms(select_runs([two]))
    pictures = hero_pictures(arms, "val")
    assert [title for title, *_ in pictures] == [
        "Frame",
        "Truth",
        "farm_b0",
        "farm_b0_kd, r = 0.5",
    ]
    frame, truth, plain, _ = (picture for _, picture, _ in pictures)
    assert frame.shape == truth.shape == plain.shape == (48, 64, 3)
    assert not np.array_equal(truth, plain)
    ((_, line),) = pictures[2][2]
    assert line.startswith("splash Dice ")
    assert line.endswith(" overall")
    out = write_hero(pictures, tmp_path / "new" / "hero.png", width=800)
    assert [path.name for path in out.parent.iterdir()] == ["hero.png"]
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width == 808  # four tiles and the last gap


def test_the_frame_has_most_of_the_class(two):
    arms, _ = gather_arms(select_runs([two]))
    pictures = hero_pictures(arms, "val")
    areas = {
        frame: int(counts[1].sum())
        for run in arms[0].arm.runs.values()
        for frame, counts in zip(run.frames, run.confusion, strict=True)
    }
    ((_, name),) = pictures[0][2]
    assert max(areas, key=lambda frame: areas[frame]).endswith(name)
