"""Hints of errors of the host."""

import pytest

from mmseg_splashkd.config.faults import cause_of

WORDS = ("constant", "linear", "cosine")


def choose(given: list[str]) -> None:
    """Refuse words as a function of the host does, with those it takes at hand."""
    known = list(WORDS)
    if not set(given) <= set(known):
        raise KeyError(f"{given} is not supported")


def look_up(name: str) -> int:
    table: dict[str, int] = dict.fromkeys(WORDS, 1)
    return table[name]


def raised(function, given) -> BaseException:
    with pytest.raises(KeyError) as caught:
        function(given)
    return caught.value


@pytest.mark.parametrize(
    ("function", "given", "meant"),
    [
        (choose, ["linear", "Cosin"], ": did you mean 'cosine'?"),
        (look_up, "Linear", ": did you mean 'linear'?"),
        (choose, ["exponential"], 'not supported"'),
        (look_up, "polynomial", "KeyError: 'polynomial'"),
    ],
)
def test_a_word_is_compared_with_those_it_was_looked_up_in(function, given, meant):
    assert cause_of(raised(function, given)).endswith(meant)


def test_an_error_that_was_never_raised_has_no_hint():
    assert cause_of(KeyError("linaer")) == "KeyError: 'linaer'"
