"""The method that what was measured supports."""

import numpy as np
import pytest

from mmseg_splashkd.adaptation.evidence import (
    Shown,
    best_method,
    shipped_evidence,
    write_evidence,
)
from mmseg_splashkd.adaptation.methods import METHODS
from mmseg_splashkd.adaptation.summary import cited


def shown(
    shift: str, two: bool = True, same: bool = False, less: float = 0.5, **gains: tuple
) -> Shown:
    """Gains, of which the best control has some, too."""
    over = {name: tuple(np.subtract(gain, less)) for name, gain in gains.items()}
    return Shown(shift, f"{shift}.", "Dice", two, same, gains, over, "2026-01-01")


FARM = shown("farm", a=(5, 2, 8), b=(3, 1, 5), c=(9, 4, 14))
NIGHT = shown("night", a=(2, -1, 5), b=(3, 2, 4), c=(-4, -6, -2))
SAME = shown("same", same=True, a=(-0.5, -1, 0), b=(0, 0, 0), c=(0, 0, 0))
STREETS = shown("streets", two=False, c=(1, 0, 2), d=(2, 1, 3))


def test_the_best_mean_of_those_that_never_harmed():
    assert best_method([FARM, NIGHT, SAME, STREETS], two_classes=True) == "a"  # 3.5
    assert best_method([FARM, SAME], two_classes=True) == "c"
    assert best_method([FARM, NIGHT, SAME, STREETS], two_classes=False) == "d"


def test_harm_on_the_source_itself_counts():
    harmful = shown("same", same=True, a=(-1.5, -2, -1), b=(0, 0, 0), c=(0, 0, 0))
    assert best_method([FARM, NIGHT, harmful], two_classes=True) == "b"


def test_a_method_must_be_better_than_what_needs_no_method():
    dear = shown("farm", less=4, a=(5, 2, 8), b=(3, 1, 5), c=(-0.5, -2, 1))
    assert best_method([dear], two_classes=True) == "a"
    dear = shown("farm", less=6, a=(5, 2, 8), b=(3, 1, 5))
    with pytest.raises(ValueError, match="more than what needs no frames of the"):
        best_method([dear], two_classes=True)


def test_both_gains_are_cited():
    assert cited(FARM, "a") == (
        "  docs/adaptation.md#farm: +5.0 (+2.0 to +8.0) points of Dice over the source "
        "alone, +4.5 (+1.5 to +7.5) over the best control (farm.)"
    )


def test_a_mean_harm_counts_also_where_its_interval_is_wide():
    wide = shown("dusk", a=(-1.5, -9, 6), b=(-0.5, -9, 8), c=(0, 0, 0))
    assert best_method([FARM, SAME, wide], two_classes=True) == "c"
    assert best_method([shown("farm", a=(9, 8, 10), b=(2, 1, 3)), wide], True) == "b"


def test_a_method_that_is_missing_somewhere_is_not_chosen():
    assert best_method([FARM, shown("dusk", b=(1, 0, 2))], two_classes=True) == "b"


@pytest.mark.parametrize(
    "evidence", [[], [SAME], [shown("farm", a=(-1, -3, 1))], [STREETS]]
)
def test_without_evidence_nothing_is_chosen(evidence):
    with pytest.raises(ValueError, match=r"no method has been shown .* two classes"):
        best_method(evidence, two_classes=True)


def test_evidence_is_shipped_as_it_is_written(tmp_path, monkeypatch):
    write_evidence(tmp_path / "evidence.json", [FARM, STREETS])
    module = "mmseg_splashkd.adaptation.evidence.files"
    monkeypatch.setattr(module, lambda _: tmp_path)
    first, second = shipped_evidence()
    assert first.gains == {k: list(v) for k, v in FARM.gains.items()}
    assert (second.shift, second.two_classes) == ("streets", False)


def test_shipped_evidence_is_of_methods_that_exist():
    for each in shipped_evidence():
        assert each.gains.keys() <= METHODS.keys()
