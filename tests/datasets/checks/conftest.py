"""A copy of the pond in valid parts."""

from pathlib import Path

import pytest

from tests.datasets.checks.builders import clean_pond, parts_of


@pytest.fixture
def valid_parts(pond, tmp_path) -> dict:
    """Parts without findings, which tests may modify."""
    return parts_of(clean_pond(pond, tmp_path / "pond"))


@pytest.fixture
def train_frame(valid_parts) -> Path:
    """Training frame with the largest splash share."""
    frame = max(valid_parts["train"], key=lambda frame: frame.splash_share)
    return Path(frame.image)
