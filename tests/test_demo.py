"""The demo, with three tiny trainings for all tests."""

from pathlib import Path

import pytest

from mmseg_splashkd import demo as module
from mmseg_splashkd.demo import demo
from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.records.costs import measured_in_turn
from mmseg_splashkd.records.store import find_runs
from mmseg_splashkd.shipped import config_path
from tests.report.html import Page

OPTIONS = {
    "train_cfg.max_iters": 2,
    "train_cfg.val_interval": 2,
    "train_dataloader.batch_size": 2,
}


def run(folder):
    return demo(folder / "pond", folder / "runs", 31, (64, 80), OPTIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def page(folder):
    return run(folder)


@pytest.mark.slow
def test_the_page_shows_all_three_models(page):
    html = Page(page)
    titles = [row[0] for row in html.table("Pixel accuracy, and cost of one frame")]
    assert titles == [
        "segformer_b0_ce_pond",
        "segformer_b0_splash_pond, r = 0.5",
        "segformer_b1_ce_pond",
    ]
    baseline, _, teacher = html.table("Scores in percent")
    assert "baseline" in baseline[0]
    assert "teacher" in teacher[0]
    assert "do not match the figures" not in html.text
    assert "Scores are of the best weights on the test part" in html.text
    assert "in turn, relative to segformer_b0_ce_pond" in html.text
    assert measured_in_turn([run.record.cost for run in find_runs([page.parent])])
    rows = [each for each in html.all("div") if each.get("class") == "tiles"]
    assert {row["style"] for row in rows} == {"--columns: 4"}
    assert (page.parent / "hero.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_pond_is_watched_to_a_table_of_events(page):
    watched = page.parent / "watched"
    assert len((watched / "rows.csv").read_text().splitlines()) == 1 + 31
    for name in ("timeline.svg", "events.csv", "index.html"):
        assert (watched / name).is_file()
    assert '"on": 0.01' in (watched / "events.json").read_text()


@pytest.mark.slow
def test_runs_with_the_same_code_config_and_frames_are_kept(page, folder, capsys):
    before = {run.name: run.record for run in find_runs([folder / "runs"])}
    assert run(folder) == page
    printed = capsys.readouterr().out
    assert printed.count("Kept ") == 4  # three runs, and the file
    assert "| student.onnx, onnxruntime | " in printed
    assert read_meta(folder / "runs" / "student.onnx").parity["changed"] < 0.01
    assert {r.name: r.record for r in find_runs([folder / "runs"])} == before
    words = " ".join(printed.split())
    for column in (
        "mIoU",
        "Dice",
        "Pixel",
        "Parameters",
        "GMACs",
        "ms/frame",
        "x 1.00",
    ):
        assert column in words
    assert str(page) in words.replace(" ", "")


def test_a_run_depends_on_config_frames_and_teacher(tmp_path):
    config = Path(config_path("demo/segformer_b0_splash_pond.py"))
    table, teacher = tmp_path / "t.csv", tmp_path / "teacher"
    table.write_text("frames")
    teacher.write_text("weights")

    def key(**options):
        return module._key(config, table, options)

    def of_another_teacher():
        return key(**{"model.teacher_checkpoint": str(teacher)})

    first, of_teacher = key(), of_another_teacher()
    assert first == key()
    assert first != key(**{"randomness.seed": 1})
    teacher.write_text("other weights")
    assert of_teacher != of_another_teacher()
    table.write_text("other frames")
    assert first != key()
