"""Runs of several data sets are never compared with each other."""

from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.report.data_sets import by_data_set
from mmseg_splashkd.report.experiments import report_experiments
from mmseg_splashkd.report.scored_runs import select_runs
from tests.report.html import Page
from tests.report.test_photos import scores


def save(folder: Path, **changes) -> Path:
    return save_scores(scores(**changes), folder / "scores" / "val_last.npz")


def grouped(*folders: Path) -> list[list[str]]:
    sets = by_data_set(select_runs(folders), "val", "last")
    return [[each.run.name for each in one.runs] for one in sets]


def about(**values) -> dict:
    return {"about": {"part": "val", "weights": "last", **values}}


def test_frames_and_labels_tell_data_sets_apart(tmp_path: Path):
    a = save(tmp_path / "a", hit=0.5)
    moved = {"frames": tuple(f"elsewhere/{n}.jpg" for n in range(24))}
    b = save(tmp_path / "b", hit=0.6, **moved)
    # Photos of other boats with the same names.
    others = {"frames": tuple(f"third/{n}.jpg" for n in range(24))}
    c = save(tmp_path / "c", hit=0.6, seed=9, **others)
    d = save(tmp_path / "d", hit=0.6, classes=("lake", "boat"))
    assert grouped(a, c, b, d) == [["a", "b"], ["c"], ["d"]]


def test_folds_of_one_table_are_one_data_set(tmp_path: Path):
    folders = []
    for fold in (0, 1):
        names = tuple(f"photos/{fold}{n}.jpg" for n in range(24))
        of_fold = about(table="t.csv", table_sha256="s", fold=fold)
        folders.append(save(tmp_path / f"f{fold}", hit=0.5, frames=names, **of_fold))
    assert grouped(*folders) == [["f0", "f1"]]
    alone = save(
        tmp_path / "x", hit=0.5, frames=tuple(f"x/9{n}.jpg" for n in range(24))
    )
    assert grouped(*folders, alone) == [["f0", "f1"], ["x"]]


def test_changed_labels_of_the_same_files_are_the_same_data_set(tmp_path: Path):
    """So that they are refused, as ever, and not taken apart without a word."""
    a, b = save(tmp_path / "a", hit=0.5), save(tmp_path / "b", hit=0.5, seed=1)
    assert grouped(a, b) == [["a", "b"]]
    with pytest.raises(ValueError, match="different labels"):
        report_experiments([a, b], tmp_path / "page.html")


def test_each_data_set_gets_a_page(tmp_path: Path, capsys):
    lake, sea = about(table="lake/split.csv"), about(table="sea/split.csv")
    other = {"frames": tuple(f"sea/{n}.jpg" for n in range(24)), "seed": 5}
    folders = [
        save(tmp_path / "plain", hit=0.5, **lake),
        save(tmp_path / "sea_plain", hit=0.5, **other, **sea),
        save(tmp_path / "kd", hit=0.8, **lake),
        save(tmp_path / "sea_kd", hit=0.5, **{**other, "seed": 5}, **sea),
    ]
    out = tmp_path / "out" / "page.html"
    assert report_experiments(folders, out, baseline="plain") == out
    index = Page(out)
    assert index.open == []
    links = [link["href"] for link in index.all("a")]
    assert links == ["page_lake_split.html", "page_sea_split.html"]
    assert (
        "2 data sets. Runs are compared within a data set, never across" in index.text
    )
    assert "kd is better than the baseline, plain." in index.text
    pages = [Page(out.parent / link) for link in links]
    arms = [[row[0] for row in page.table("Scores in percent")] for page in pages]
    assert arms[0] == ["plain baseline", "kd highest"]
    assert {name.split()[0] for name in arms[1]} == {"sea_plain", "sea_kd"}
    assert "Data set lake_split:" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--baseline nobody is none of the arms"):
        report_experiments(folders, out, baseline="nobody")


def test_a_data_set_that_cannot_be_compared_does_not_hide_the_others(tmp_path: Path):
    folders = [
        save(tmp_path / "a", hit=0.5),
        save(tmp_path / "b", hit=0.5, seed=1),
        save(tmp_path / "c", hit=0.5, classes=("mud", "boat")),
    ]
    page = Page(report_experiments(folders, tmp_path / "page.html"))
    assert "were tested on different labels" in page.text
    assert len(page.all("a")) == 1
    with pytest.raises(ValueError, match="different labels"):
        report_experiments(folders[:2], tmp_path / "page.html")
