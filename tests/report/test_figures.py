"""SVG figures: style, ids, and training curves."""

from xml.etree import ElementTree

import pytest

from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.learning_curves import learning_curves
from mmseg_splashkd.report.figures import COLORS, line_style, svg_figure
from mmseg_splashkd.statistics import FoldSeed, arm_of
from tests.report.fake_runs import record, write_lines
from tests.statistics.builders import tiny

SVG = "{http://www.w3.org/2000/svg}"


def lines_in(svg, color):
    """The paths of a colour, without markers."""
    root = ElementTree.fromstring(svg)
    paths = [
        path for group in root.iter(f"{SVG}g") for path in group.findall(f"{SVG}path")
    ]
    return [path for path in paths if f"stroke: {color}" in path.get("style", "")]


@pytest.fixture
def arm(tmp_path):
    def make(*logs):
        """An arm with one run per list of losses."""
        runs = {}
        for seed, losses in enumerate(logs):
            folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            lines = [{"loss": loss, "step": 10 * i} for i, loss in enumerate(losses, 1)]
            write_lines(folder / "20261123_010000", lines)
            runs[FoldSeed(0, seed)] = Run(record("b0", None, 0, "t.csv"), folder)
        scores = tiny([[1, 0], [0, 1]], 60)
        return ArmRuns(arm_of("arm", [(key, scores) for key in runs]), runs, "arm")

    return make


def test_one_line_per_arm_through_every_point(arm):
    arms = [arm([0.9, 0.5, 0.4, 0.1]), arm([]), arm([0.8, 0.7])]
    svg = learning_curves(arms, "loss")
    (first,) = lines_in(svg, COLORS[0])
    assert first.get("d", "").count("L") == 3
    assert lines_in(svg, COLORS[1]) == []  # an arm without a log keeps its colour
    (third,) = lines_in(svg, COLORS[2])
    assert third.get("d", "").count("L") == 1
    assert "stroke-dasharray" in third.get("style", "")


def test_runs_of_an_arm_are_thin_lines_around_their_mean(arm):
    thin, other, mean = lines_in(
        learning_curves([arm([0.2, 0.4], [0.6, 0.8])], "loss"), COLORS[0]
    )
    heights = [
        [float(word) for word in path.get("d", "").split()[2::3]]
        for path in (thin, other, mean)
    ]
    for low, high, middle in zip(*heights, strict=True):
        assert middle == pytest.approx((low + high) / 2, abs=1e-3)


def test_a_falling_loss_falls(arm):
    (line,) = lines_in(learning_curves([arm([0.9, 0.1])], "loss"), COLORS[0])
    _, x0, y0, _, x1, y1 = line.get("d", "").split()
    assert float(x0) < float(x1)
    assert float(y0) < float(y1)  # SVG counts downwards


def test_the_background_is_that_of_the_page(arm):
    svg = learning_curves([arm([0.9, 0.1])], "loss")
    assert svg.startswith("<svg")
    assert "#ffffff" not in svg
    assert "iteration</text>" in svg  # text, not outlines


def test_a_single_value_is_no_curve(arm):
    assert learning_curves([arm([0.9])], "loss") == ""
    assert learning_curves([arm([0.9, 0.8])], "mIoU") == ""


def test_line_styles_repeat():
    assert line_style(len(COLORS)) == line_style(0)


def test_the_salt_makes_ids_unique_and_equal_figures_equal():
    def draw(salt):
        with svg_figure((2, 2), salt) as drawn:
            drawn.axes.plot([0, 1], [0, 1], marker="o")
        return drawn.svg

    def ids(svg):
        root = ElementTree.fromstring(svg)
        return {each.get("id") for each in root.iter() if each.get("id")}

    assert draw("a") == draw("a")
    assert ids(draw("a"))
    assert not ids(draw("a")) & ids(draw("b"))
