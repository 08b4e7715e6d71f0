from xml.etree import ElementTree

from mmseg_splashkd.report.curves import COLORS, curves, line_style

SVG = "{http://www.w3.org/2000/svg}"


def _lines(svg, color):
    """The paths drawn in a run's colour, markers aside."""
    root = ElementTree.fromstring(svg)
    paths = [
        path for group in root.iter(f"{SVG}g") for path in group.findall(f"{SVG}path")
    ]
    return [path for path in paths if f"stroke: {color}" in path.get("style", "")]


def _log(losses):
    return [{"loss": loss, "step": 10 * i} for i, loss in enumerate(losses, 1)]


def test_one_line_a_run_through_every_point(make_run, write_log):
    runs = [make_run("plain"), make_run("silent"), make_run("distilled")]
    write_log("plain", "20261123_010000", _log([0.9, 0.5, 0.4, 0.1]))
    write_log("distilled", "20261123_010000", _log([0.8, 0.7]))
    svg = curves(runs, "loss")
    (plain,) = _lines(svg, COLORS[0])
    assert plain.get("d", "").count("L") == 3
    assert _lines(svg, COLORS[1]) == []  # a run without a log keeps its colour free
    (distilled,) = _lines(svg, COLORS[2])
    assert distilled.get("d", "").count("L") == 1
    assert "stroke-dasharray" in distilled.get("style", "")


def test_a_falling_loss_falls(make_run, write_log):
    write_log("plain", "20261123_010000", _log([0.9, 0.1]))
    (line,) = _lines(curves([make_run()], "loss"), COLORS[0])
    _, x0, y0, _, x1, y1 = line.get("d", "").split()
    assert float(x0) < float(x1)
    assert float(y0) < float(y1)  # SVG counts downwards


def test_the_page_decides_the_background(make_run, write_log):
    write_log("plain", "20261123_010000", _log([0.9, 0.1]))
    svg = curves([make_run()], "loss")
    assert svg.startswith("<svg")
    assert "#ffffff" not in svg
    assert "iteration</text>" in svg  # text, not outlines


def test_nothing_logged_nothing_drawn(make_run, write_log):
    write_log("plain", "20261123_010000", _log([0.9]))
    assert curves([make_run()], "mIoU") == ""


def test_more_runs_than_colours():
    assert line_style(len(COLORS)) == line_style(0)
