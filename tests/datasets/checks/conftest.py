"""A pond of one's own in sound parts."""

from pathlib import Path

import pytest

from tests.datasets.checks.builders import clean_pond, parts_of


@pytest.fixture
def clean(pond, tmp_path) -> dict:
    """Parts that no check finds fault with, to spoil."""
    return parts_of(clean_pond(pond, tmp_path / "pond"))


@pytest.fixture
def train_frame(clean) -> Path:
    """A frame of the training part, with splash."""
    frame = max(clean["train"], key=lambda frame: frame.splash_share)
    return Path(frame.image)
