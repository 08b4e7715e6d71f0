"""The file of errors."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.statistics.event_errors import EventReference, Missed, Seen, Signs
from mmseg_splashkd.statistics.event_errors.reference import as_rows
from tests.statistics.event_errors.worlds import World, reference


@pytest.fixture
def known() -> EventReference:
    return reference(World(), np.random.default_rng(0))


def test_a_file_holds_all(known, tmp_path):
    known = replace(known, signs=(*known.signs, Signs(math.nan, 0.1, 0.2)))
    known.write(tmp_path / "errors.json")
    read = EventReference.read(tmp_path / "errors.json")
    assert read.as_json() == known.as_json()
    assert (read.found, read.missed) == (known.found, known.missed)
    assert math.isnan(read.signs[-1].confidence)


def test_columns_of_rows():
    rows = as_rows([Seen(math.e, 1.0, 1.0, 0.25), Seen(1.0, 1.0, math.exp(-3), 0.5)])
    np.testing.assert_allclose(rows, [[0, 1, 0.25], [-3, 0, 0.5]], atol=1e-15)
    assert as_rows([]).shape == (0, 3)


def changed(known: EventReference, **values: object) -> dict:
    return known.as_json() | values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 0}, "no table of errors of version 1"),
        ({"interval_s": 0}, "interval_s=0.0: give seconds above 0"),
        ({"settings": {"on": 2}}, "on=2"),
        ({"found": 3}, "missing or of another type"),
        ({"missed": [{"block": 0}]}, "duration_s"),
        ({"signs": []}, "in 0 blocks: intervals need 20 and 5"),
        ({"found": []}, "0 found events with a true one"),
        (
            {"missed": [Missed(99, 1.0, 1.0)._asdict()]},
            r"99\]: 12 are there",
        ),
        (
            {"missed": [Missed(0, 0.0, 1.0)._asdict()]},
            r"a true event has the duration and area \[0.0, 1.0\]",
        ),
    ],
)
def test_what_is_no_table_of_errors_is_refused(known, tmp_path, values, message):
    file = tmp_path / "errors.json"
    file.write_text(json.dumps(changed(known, **values)))
    with pytest.raises(ValueError, match=message):
        EventReference.read(file)


def test_values_out_of_their_range_are_refused(known):
    wrong = known.found[0]._replace(seen=Seen(30.0, 1.0, 0.1, 1.5))
    with pytest.raises(ValueError, match=r"confidence=1\.5"):
        replace(known, found=(*known.found, wrong))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        EventReference.read(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json"):
        EventReference.read(tmp_path / "bad.json")


def test_real_events(known):
    assert all(each.true for each in known.real)
    assert len(known.real) == sum(each.true > 0 for each in known.found)
    assert known.settings == EventSettings(on=0.01, off=0.005)
