from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.evaluation.frame_scores import (
    BINS,
    FrameScores,
    load_scores,
    save_scores,
)
from mmseg_splashkd.report.figures import line_style
from mmseg_splashkd.report.operating_point import (
    check_curve_path,
    operating_curve,
    write_curve,
)
from tests.evaluation.helpers import frame_scores

SVG = "{http://www.w3.org/2000/svg}"


def scores() -> FrameScores:
    histogram = np.zeros((1, 2, BINS), np.int64)
    histogram[0, 0, [0, 90]] = 80, 10
    histogram[0, 1, [64, 230]] = 4, 6
    return replace(frame_scores([(90, 0, 4, 6)]), histogram=histogram)


def curve_of(found: FrameScores, chosen: float | None = None) -> str:
    return operating_curve(found.histogram, found.focus, chosen).svg


def texts(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return " ".join(element.text or "" for element in root.iter(f"{SVG}text"))


def height_of_dot(svg: str) -> float:
    root = ElementTree.fromstring(svg)
    color, _ = line_style(2)
    (dot,) = [u for u in root.iter(f"{SVG}use") if color in u.get("style", "")]
    return float(dot.get("y", "nan"))


def test_the_best_threshold_is_marked_by_default():
    svg = curve_of(scores())
    # 0.5: 6 of 10 found, nothing false; nearest to 1/2 of those as good.
    assert "p ≥ 0.50   Dice 75.0" in texts(svg)
    area = 100 * (0.4 * 10 / 20 + 0.6)
    assert f"average precision {area:.1f}" in texts(svg)
    assert {"Precision", "Recall", "Dice"} <= set(texts(svg).split())
    assert "threshold on the probability of splash" in texts(svg)


def test_a_given_threshold_is_marked_where_its_dice_is():
    low, high = (curve_of(scores(), chosen) for chosen in (0.25, 0.5))
    assert "p ≥ 0.25   Dice 66.7" in texts(low)
    assert height_of_dot(low) > height_of_dot(high)  # SVG counts downwards


def test_the_same_scores_give_the_same_picture_on_any_background():
    svg = curve_of(scores())
    assert svg == curve_of(scores())
    assert svg.startswith("<svg")
    assert "#ffffff" not in svg


def test_files_by_suffix(tmp_path):
    assert write_curve(scores(), tmp_path / "new" / "curve.svg").read_text() == (
        curve_of(scores())
    )
    with Image.open(write_curve(scores(), tmp_path / "curve.png")) as image:
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        assert image.width == 810
    assert {path.name for path in tmp_path.iterdir()} == {"new", "curve.png"}
    with pytest.raises(ValueError, match=r"curve\.pdf ends with none of"):
        check_curve_path("curve.pdf")


def test_of_a_test_its_own_threshold_is_marked(tmp_path):
    tested = replace(scores(), about={"threshold": 0.25})
    path = save_scores(tested, tmp_path / "scores.npz")
    write_curve(load_scores(path), tmp_path / "curve.svg")
    assert "p ≥ 0.25" in texts((tmp_path / "curve.svg").read_text())


def test_error_for_a_curve_that_cannot_be_drawn():
    with pytest.raises(ValueError, match="the scores hold no probabilities"):
        curve_of(replace(scores(), histogram=None))
    empty = replace(scores(), histogram=np.ones((1, 2, BINS), np.int64) * [[[1], [0]]])
    with pytest.raises(ValueError, match="no pixel of these frames is splash"):
        curve_of(empty)
