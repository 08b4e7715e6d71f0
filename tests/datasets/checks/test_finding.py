import pytest

from mmseg_splashkd.datasets.checks import Finding, allow_codes, of_level


def test_text_lists_three_frames_and_counts_the_others():
    paths = tuple(f"{i}.png" for i in range(5))
    finding = Finding("note", "gap", "Paused.", paths)
    assert str(finding) == "[gap] Paused: 0.png, 1.png, 2.png and 2 more"
    assert str(Finding("note", "gap", "Paused.", paths[:1])) == "[gap] Paused: 0.png"
    assert str(Finding("note", "gap", "Paused.")) == "[gap] Paused."


def test_unknown_levels_and_codes_are_refused():
    with pytest.raises(ValueError, match="level='fatal' is not one of"):
        Finding("fatal", "gap", "")
    with pytest.raises(ValueError, match="code='crack' is not one of"):
        Finding("note", "crack", "")


def test_allowed_errors_become_warnings_and_nothing_else_changes():
    findings = [
        Finding("error", "overlap", "near"),
        Finding("error", "duplicate", "same"),
        Finding("note", "duplicate", "same"),
    ]
    allowed = allow_codes(findings, ["overlap", "gap"])
    assert allowed[0] == Finding("warning", "overlap", "near (allowed)")
    assert allowed[1:] == findings[1:]
    assert of_level(allow_codes(findings, ["duplicate"]), "note") == [findings[2]]


def test_unknown_code_to_allow_is_refused():
    with pytest.raises(ValueError, match=r"allow=\['overlpa'\]: the codes are"):
        allow_codes([], ["overlpa"])
