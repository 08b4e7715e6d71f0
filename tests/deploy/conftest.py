"""One exported student, shared by the tests of all that reads it."""

# Before the host stack, which keeps whether timm was there: these tests run alone too.
import tests.torchvision_apart  # noqa: F401  # isort: skip

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from mmseg_splashkd.checkpoint import find_checkpoint
from tests.conftest import BEST
from tests.test_mmseg_api import config_of
from tests.tools import status_of


def given(run: Path) -> tuple[str, str]:
    """Config and weights of a run."""
    return str(config_of(run)), str(find_checkpoint(str(run / BEST)))


@pytest.fixture(scope="session")
def exported(distilled, tmp_path_factory) -> Path:
    """``student.onnx`` of a distilled student of 64x96 frames."""
    pytest.importorskip("onnxscript", reason="no onnx: pip install -e '.[deploy]'")
    pytest.importorskip("onnxruntime")
    out = tmp_path_factory.mktemp("exported") / "student.onnx"
    told = io.StringIO()
    with redirect_stdout(told):
        assert not status_of("export.py", *given(distilled), out)
    assert f"{out}: " in told.getvalue()
    assert "background, splash; splash from p >= " in told.getvalue()
    words = "on 6 validation frames, ONNX Runtime and PyTorch differ by at most"
    assert words in told.getvalue()  # all of the part, which has fewer than 16
    return out


@pytest.fixture(scope="session")
def quantised(exported, distilled) -> Path:
    """``student.xml`` of the same student."""
    pytest.importorskip("nncf", reason="no nncf: pip install -e '.[deploy]'")
    config, _ = given(distilled)
    out = exported.with_suffix(".xml")
    told = io.StringIO()
    with redirect_stdout(told):
        assert not status_of("quantize.py", config, exported, out, "--frames", 4)
    assert " layers in 8 bits, " in told.getvalue()
    assert "ranges of 4 frames of the training part" in told.getvalue()
    return out
