import json
from dataclasses import replace
from datetime import date

import pytest

from mmseg_splashkd.sweep.spec import FILE, Sweep, SweepSpec, read_sweep, write_sweep

RATIO = "model.distill_loss.teacher_ratio"
SPEC = SweepSpec(("kd.py",), {RATIO: [0.25, 1]}, folds=2, seeds=2, metric="mIoU")
SWEEP = Sweep(SPEC, date(2026, 6, 27), {"kd.py": "1", "table": "2"})


def test_a_sweep_is_read_as_it_was_written(tmp_path):
    assert read_sweep(tmp_path) is None
    write_sweep(tmp_path, SWEEP)
    again = read_sweep(tmp_path)
    assert again == SWEEP
    assert SWEEP.differences(SWEEP) == []


def test_differences_are_listed():
    other = replace(SWEEP, spec=replace(SPEC, grid={RATIO: [0]}, predictions=False))
    other = replace(other, sha256={"kd.py": "1", "table": "3"})
    assert SWEEP.differences(other) == [
        f"grid: the sweep has {{'{RATIO}': [0.25, 1]}}, this command sets "
        f"{{'{RATIO}': [0]}}",
        "the content of table has changed",
    ]


def version_1(**spec) -> str:
    """As the first version wrote it."""
    found = json.loads(replace(SWEEP, spec=replace(SPEC, **spec)).to_json())
    found |= {"version": 1, "belongs": found.pop("sha256"), "storage": "sqlite:///x"}
    return json.dumps(found)


def test_a_grid_of_version_1_is_read(tmp_path):
    (tmp_path / FILE).write_text(version_1())
    assert read_sweep(tmp_path) == SWEEP


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "indices"),
        ('{"version": 3}', "version 3 is unknown"),
        ('{"version": 2}', "spec"),
        (version_1(search="tpe", grid={}), "a search of version 1"),
    ],
)
def test_a_sweep_that_cannot_be_continued(text, reason):
    with pytest.raises(
        ValueError, match=rf"^sweep\.json is not .*{reason}.* another --out"
    ):
        Sweep.from_json(text, "sweep.json")
