"""A model without a network."""

from pathlib import Path

import pytest

from mmseg_splashkd.deploy import SplashModel
from tests.deploy.predict.fakes import red_model


@pytest.fixture
def model(monkeypatch, tmp_path) -> Path:
    """File of a model; whatever it holds, red is splash."""
    file = tmp_path / "model.onnx"
    file.write_bytes(b"red")
    monkeypatch.setattr(SplashModel, "load", lambda *_: red_model())
    return file
