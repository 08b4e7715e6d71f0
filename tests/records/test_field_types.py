"""A record of any origin has the types that its readers rely on."""

import json
from dataclasses import dataclass

import pytest

from mmseg_splashkd.records.codec import from_json, to_json
from mmseg_splashkd.records.field_types import check_types
from mmseg_splashkd.records.record import BestAndLast
from mmseg_splashkd.records.run_file import RECORD, read_record
from mmseg_splashkd.records.store import read_run
from mmseg_splashkd.records.table import write_csv
from tests.records.builders import record


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("began", 5, "began=5 must be str or null"),
        ("iteration", "6", "iteration='6' must be int"),
        ("iteration", None, "iteration=None must be int"),
        ("seed", True, "seed=True must be int or null"),
        ("wall_s", "1", "wall_s='1' must be float or null"),
        ("host", {"torch": 2}, "host.torch=2 must be str"),
        ("hardware", {"gpus": ["a", 1]}, "a value of hardware.gpus=1 must be str"),
        (
            "validations",
            {"3": {"mIoU": "x"}},
            r"validations\.3\.mIoU='x' must",
        ),
        ("metrics", {"best": {"mIoU": []}}, r"metrics.best.mIoU=\[\] must be float"),
        ("attempts", [{"id": 1, "began": "", "status": ""}], "value of attempts.id=1"),
        ("data", None, "data=None must be Data"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_name(tmp_path, key, value, message):
    values = to_json(record()) | {key: value}
    with pytest.raises(ValueError, match=message):
        from_json(values)
    (tmp_path / RECORD).write_text(json.dumps(values))
    with pytest.raises(ValueError, match=f"{RECORD} cannot be read: "):
        read_record(tmp_path)


def test_whole_numbers_and_what_is_generic_pass():
    values = {"wall_s": 3, "teacher_ratio": [1, {}], "metrics": {"best": {"a": 1}}}
    found = from_json(to_json(record()) | values)
    assert (found.wall_s, found.metrics) == (3, BestAndLast(best={"a": 1}))


def test_types_are_those_of_any_dataclass():
    @dataclass
    class Pair:
        a: int
        b: tuple[str, ...] = ()

    check_types(Pair(1, ("x",)))
    with pytest.raises(ValueError, match=r"a value of p\.b=1 must be str"):
        check_types(Pair(1, (1,)), "p.")  # type: ignore[arg-type]


def test_a_name_that_is_no_unicode_is_escaped_in_the_table(tmp_path):
    values = to_json(record(command="python \udc80.py"))
    (tmp_path / RECORD).write_text(json.dumps(values))
    run = read_run(tmp_path)
    assert run is not None
    write_csv(tmp_path / "runs.csv", [run])
    assert "python \\udc80.py" in (tmp_path / "runs.csv").read_text()
