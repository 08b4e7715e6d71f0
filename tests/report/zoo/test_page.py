import re
from dataclasses import replace

import pytest

from mmseg_splashkd.evaluation.complexity import Complexity
from mmseg_splashkd.evaluation.interleaved import Spread
from mmseg_splashkd.report.zoo.networks import LeftOut, Network
from mmseg_splashkd.report.zoo.page import page_of, table_of
from mmseg_splashkd.report.zoo.zoo import Measured, Zoo
from tests.conftest import CONFIGS, ROOT

CAMVID = CONFIGS / "camvid"
B0 = (CAMVID / "segformer_b0_camvid.py", CAMVID / "segformer_b0_kd_camvid.py")
OWN = ROOT / "mine" / "own.py"


def measured(configs, peak_mib):
    complexity = Complexity(parameters=3_717_995, gmacs=7.8048, stride=512 / 65)
    times, ratio = Spread(123.44, 120.0, 1130.0), Spread(1.0, 0.954, 1.2)
    return Measured(Network(configs, complexity), peak_mib, times, ratio)


ZOO = Zoo(
    [measured(B0, 96.6), measured((OWN,), None)],
    [LeftOut(CONFIGS / f"{name}.py", "models need smp") for name in "xy"],
    "Frames of 512x512",
)


def test_a_row_has_the_figures_of_a_network_and_the_names_of_its_configs():
    rows = [re.split(r" *\| *", line)[1:-1] for line in table_of(ZOO).splitlines()]
    figures = ["123.4 (120.0 to 1,130.0)", "1.00 (0.95 to 1.20)"]
    configs = "segformer_b0_camvid, segformer_b0_kd_camvid"
    assert rows[0][-2:] == ["ms per frame", "Relative time"]
    counts = ["3.72", "7.80", "7.88"]
    assert rows[2:] == [
        ["SegFormer-B0", configs, *counts, "97", *figures],
        ["own", "own", *counts, "n/a", *figures],
    ]


def test_the_page_links_configs_and_sources_and_names_what_is_left_out():
    page = page_of(ZOO, "python tools/complexity.py", ROOT / "docs" / "zoo.md")
    links = re.findall(r"\]\(([^)]+)\)", page.replace("../mine/own.py", ""))
    assert all((ROOT / "docs" / link).is_file() for link in links)
    assert "../configs/camvid/README.md" in links
    assert "- `x`, `y`: models need smp\n" in page
    row = page.split("| [segformer_b0_kd_camvid]")[1].splitlines()[0]
    assert "| CamVid, test part, seed 0 | mIoU 30.42 | from scratch |" in row


def test_a_page_without_figures_has_no_table_of_them():
    without = Zoo(ZOO.measured[1:], [], "Frames")
    page = page_of(without, "python", ROOT / "docs" / "zoo.md")
    assert "## Figures" not in page
    assert "Left out" not in page


@pytest.mark.parametrize(
    ("others", "text"),
    [
        (None, "512x512. What else the machine did meanwhile is not known."),
        (
            0.02,
            "512x512. Other processes used 2 % of the CPU while networks were",
        ),
        (0.75, "512x512. **The machine was busy: other processes used 75 % of the CPU"),
    ],
)
def test_the_page_says_how_busy_the_machine_was(others, text):
    assert text in page_of(replace(ZOO, others=others), "python", ROOT / "docs/zoo.md")
