import logging
import math

import pytest
from mmengine.config import ConfigDict
from mmengine.logging import MMLogger

from mmseg_splashkd.models.teacher.gate import TeacherGate

FIGURES = {"Dice.splash": 60.0, "mIoU": 70.0, "cross_entropy": 0.5, "val/mIoU": 1.0}


def gate(**config) -> TeacherGate:
    return TeacherGate.from_config(ConfigDict(config))


@pytest.fixture
def warned(monkeypatch) -> list[str]:
    """Warnings of mmengine's current logger, which propagates none."""
    messages = []
    logger = MMLogger.get_current_instance()

    def keep(record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:
            messages.append(record.getMessage())

    monkeypatch.setattr(logger, "handle", keep)
    return messages


@pytest.mark.parametrize("config", [None, {}, {"floor": {}, "allow": []}])
def test_without_conditions_every_teacher_passes(config):
    TeacherGate.from_config(config).check_floor({"Dice.splash": math.nan})


@pytest.mark.parametrize(
    ("name", "floor"),
    [("Dice.splash", 59.9), ("cross_entropy", 0.51), ("val/mIoU", -1)],
)
def test_a_better_teacher_passes(name, floor):
    gate(floor={name: floor}).check_floor(FIGURES)


@pytest.mark.parametrize(
    ("name", "floor", "message"),
    [
        ("Dice.splash", 60.0, "Dice.splash 60, which is not above 60"),
        ("mIoU", 90, "mIoU 70, which is not above 90"),
        ("cross_entropy", 0.5, r"cross_entropy 0\.5, which is not below 0\.5"),
        ("cross_entropy", 0.25, r"cross_entropy 0\.5, which is not below 0\.25"),
    ],
)
def test_a_teacher_that_is_not_strictly_better_is_refused(name, floor, message):
    with pytest.raises(
        ValueError, match=rf"{message}.*allow=\['floor'\] makes it a warn"
    ):
        gate(floor={name: floor}).check_floor(FIGURES)


def test_cross_entropy_falls_with_any_prefix():
    with pytest.raises(ValueError, match="not below"):
        gate(floor={"val/cross_entropy": 0.1}).check_floor({"val/cross_entropy": 0.2})


def test_all_failures_are_listed():
    floor = {"mIoU": 80, "Dice.splash": 10, "cross_entropy": 0.1}
    with pytest.raises(ValueError, match=r"mIoU 70, .* and cross_entropy 0\.5"):
        gate(floor=floor).check_floor(FIGURES)


def test_nan_passes_no_floor():
    for name in ("Dice.splash", "cross_entropy"):
        with pytest.raises(ValueError, match=f"{name} nan"):
            gate(floor={name: 0}).check_floor({name: math.nan})


def test_a_missing_figure_is_always_an_error():
    message = "names 'Dice.splsh'.* did you mean 'Dice.splash'.* mIoU, cross_entropy"
    with pytest.raises(ValueError, match=message):
        gate(floor={"Dice.splsh": 1}, allow=["floor"]).check_floor(FIGURES)


def test_an_allowed_violation_is_a_warning(warned):
    gate(floor={"mIoU": 90}, allow=["floor"]).check_floor(FIGURES)
    (message,) = warned
    assert "mIoU 70, which is not above 90" in message


def test_each_rule_is_allowed_by_its_own_name(warned):
    lenient = gate(allow=["classes", "normalisation"])
    lenient.refuse("classes", "first")
    lenient.refuse("normalisation", "second")
    assert [message.split(".")[0] for message in warned] == ["first", "second"]
    with pytest.raises(ValueError, match=r"third.*allow=\['floor'\]"):
        lenient.refuse("floor", "third")


def test_values_of_the_command_line_are_accepted():
    nested = gate(floor={"Dice": {"splash": 59}, "mIoU": 3}, allow="floor")
    assert nested == TeacherGate({"Dice.splash": 59, "mIoU": 3}, ("floor",))
    assert gate(plain={"Dice": {"splash": 9}}).plain == {"Dice.splash": 9}


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        ({}, None),
        ({"Dice.splash": 57.0}, None),
        ({"Dice.splash": 57.1}, "Dice.splash 60.00, and the plain student 57.10"),
        ({"Dice.splash": 50.0, "mIoU": 75}, "has mIoU 70.00, and the plain"),
    ],
)
def test_a_teacher_that_hardly_leads_is_reported(plain, named):
    found = gate(plain=plain).small_leads(FIGURES)
    if named is None:
        assert found is None
    else:
        assert found is not None
        assert named in found
        assert "less than 3 points there is little to distil" in found


def test_a_lead_that_is_not_known_is_small_and_a_missing_figure_an_error():
    assert gate(plain={"mIoU": 50}).small_leads({"mIoU": math.nan})
    with pytest.raises(
        ValueError, match=r"plain names 'Dice.splsh'.* did you mean 'Dice.splash'"
    ):
        gate(plain={"Dice.splsh": 50}).small_leads(FIGURES)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"flor": {}}, "teacher_gate names 'flor'.* did you mean 'floor'"),
        ({"allow": ["flor"]}, r"teacher_gate\.allow names 'flor'.* mean 'floor'"),
        ({"allow": "all"}, "allow names 'all'.* There are floor, classes, normal"),
        ({"plain": {"mIoU": "60"}}, r"plain\['mIoU'\]='60' is not a number"),
        ({"plain": {"cross_entropy": 0.3}}, "of which smaller is better"),
        ({"floor": {"mIoU": "60"}}, r"floor\['mIoU'\]='60' is not a number"),
        ({"floor": {"mIoU": True}}, r"floor\['mIoU'\]=True is not a number"),
        ({"floor": {"mIoU": math.nan}}, r"floor\['mIoU'\]=nan is not finite"),
        ({"floor": {"mIoU": -math.inf}}, r"floor\['mIoU'\]=-inf is not finite"),
    ],
)
def test_invalid_conditions_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        gate(**config)
