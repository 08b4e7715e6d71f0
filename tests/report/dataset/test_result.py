import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.report.dataset.check import check_dataset
from mmseg_splashkd.report.dataset.result import (
    DatasetReport,
    examine,
    print_report,
)
from mmseg_splashkd.report.dataset.source import dataset_of_files
from tests.conftest import CONFIGS
from tests.datasets.checks.builders import clean_pond, codes, parts_of

ERROR, WARNING, NOTE = (
    Finding(level, "gap", f"a {level}") for level in ("error", "warning", "note")
)


@pytest.fixture
def table(pond, tmp_path):
    return clean_pond(pond, tmp_path / "pond")


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "clean"),
        ([NOTE], "clean"),
        ([NOTE, WARNING], "usable with warnings"),
        ([NOTE, WARNING, ERROR], "spoiled"),
    ],
)
def test_the_worst_finding_decides(findings, verdict):
    report = DatasetReport("pond", {}, SPLASH, findings)
    assert report.verdict == verdict
    assert report.spoiled == (verdict == "spoiled")


def test_a_clean_table_is_clean(table):
    report = examine(dataset_of_files(table, None, "splash"), progress=False)
    assert (report.findings, report.verdict) == ([], "clean")
    assert report.title == "pond_frames"
    assert {part: len(of) for part, of in report.parts.items()} == {
        "train": 18,
        "val": 6,
        "test": 3,
    }


def test_folder_is_cut_by_the_default_ratios(pond):
    subject = dataset_of_files(None, pond, "splash")
    assert [len(frames) for frames in subject.parts.values()] == [22, 6, 3]
    assert subject.title == "pond"


def test_shares_are_measured_where_no_table_has_them(pond):
    subject = dataset_of_files(None, pond, "splash")
    assert {f.splash_share for f in subject.parts["train"]} == {None}
    report = examine(subject, progress=False)
    shares = [f.splash_share for f in report.parts["train"] if f.splash_share]
    assert 0 < np.mean(shares) < 0.2


def test_measured_shares_are_judged(pond, tmp_path):
    shutil.copytree(pond, tmp_path / "pond")
    subject = dataset_of_files(None, tmp_path / "pond", "splash")
    for f in subject.parts["val"]:
        Image.new("L", (80, 64)).save(f.label)
    assert "no_splash" not in codes(examine(subject, fast=True).findings)
    found = examine(subject, progress=False).findings
    assert [f.level for f in found if f.code == "no_splash"] == ["error"]


def test_only_the_full_check_reads_pixels(table):
    image = Image.new("RGB", (80, 64))
    image.save(parts_of(table)["train"][0].image)
    subject = dataset_of_files(table, None, "splash")
    assert examine(subject, fast=True).findings == []
    assert codes(examine(subject, progress=False).findings) == {"constant_frame"}


def test_errors_come_first_and_may_be_allowed(table):
    frames = parts_of(table)
    label = frames["train"][0].label
    Image.fromarray(np.full((64, 80), 7, np.uint8)).save(label)
    Image.new("RGB", (80, 64)).save(frames["train"][1].image)
    subject = dataset_of_files(table, None, "splash")
    levels = [f.level for f in examine(subject, progress=False).findings]
    assert levels == ["error", "warning"]
    report = examine(subject, allowed=["unknown_value"], progress=False)
    assert not report.spoiled


@pytest.fixture
def folds(table):
    """Frames 0-9 in fold 0, 10-19 in fold 1, 20-29 in fold 2; the last for testing."""
    frames = read_table(table)
    rows = [replace(f, split="train", fold=i // 10) for i, f in enumerate(frames[:-1])]
    return write_table(table, [*rows, replace(frames[-1], split="test")])


def test_each_fold_is_examined(folds):
    subject = dataset_of_files(folds, None, "splash")
    assert [len(of) for of in subject.parts.values()] == [10, 10, 10, 1]
    found = examine(subject, fast=True).findings
    borders = {
        finding.message.partition(":")[0]: len(finding.frames)
        for finding in found
        if "val frames" in finding.message
    }
    # Two frames at each end that meets another fold.
    assert borders == {"fold 0": 2, "fold 1": 4, "fold 2": 2}


def test_findings_of_all_folds_are_listed_once(folds):
    rows = read_table(folds)
    rows[4] = replace(rows[4], timestamp=rows[4].timestamp % 10**15)
    write_table(folds, rows)
    subject = dataset_of_files(folds, None, "splash")
    (odd,) = [f for f in examine(subject, fast=True).findings if f.code == "odd_time"]
    assert odd.message.startswith("1 time stamp before 2000")


def test_one_fold_can_be_chosen(folds):
    subject = dataset_of_files(folds, None, "splash", fold=1)
    assert [len(of) for of in subject.parts.values()] == [20, 10, 1]
    assert list(subject.runs) == [""]


def test_findings_are_printed_grouped_and_counted():
    findings = [
        Finding("error", "duplicate", f"pair {i}", ("[a].png",)) for i in range(9)
    ]
    console = Console(record=True, width=100, file=io.StringIO())
    print_report(DatasetReport("pond", {}, SPLASH, findings), console)
    text = console.export_text()
    assert "error duplicate (9)" in text
    assert "pair 4: [a].png" in text
    assert "pair 5" not in text
    assert "and 4 more" in text
    assert text.rstrip().endswith("pond: spoiled")


def test_config_and_its_allowed_codes(pond, tmp_path, capsys):
    config = CONFIGS / "demo" / "segformer_b0_pond.py"
    text = (
        f"_base_ = {json.dumps(str(config))}\ndata_check = dict(embargo_seconds=30)\n"
    )
    path = tmp_path / "embargo.py"
    path.write_text(text)
    out = tmp_path / "new" / "check.html"
    options = {"data_root": str(pond)}
    report = check_dataset(path, out=out, fast=True, cfg_options=options)
    assert report.verdict == "usable with warnings"
    borders = [finding.message for finding in report.findings]
    assert all("less than 30 s" in border for border in borders)
    assert out.read_text().startswith("<!doctype html>")
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize("sources", [{}, {"table": "a.csv", "data_root": "b"}])
def test_one_source_must_be_given(sources):
    with pytest.raises(ValueError, match="give one of a config, --table"):
        check_dataset(**sources)
