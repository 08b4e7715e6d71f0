from pathlib import Path

import pytest

from mmseg_splashkd.report.zoo import memory
from mmseg_splashkd.report.zoo.memory import peak, peak_of_each
from tests.conftest import CONFIGS

B0 = CONFIGS / "kd" / "segformer_b0.py"
WEIGHTS = 3_715_682 * 4 / 2**20  # MiB in float32
linux = pytest.mark.skipif(not memory.STATUS.is_file(), reason="not Linux")


@linux
def test_peak_holds_the_weights_and_grows_with_the_frame():
    small, large = (peak(B0, size, "cpu", 1) for size in ((64, 64), (512, 512)))
    assert small is not None
    assert large is not None
    # The four stages of 512x512, resized to 128x128 with 256 channels each.
    assert large - small > 4 * 256 * 128 * 128 * 4 / 2**20
    assert large < WEIGHTS + 500


@linux
@pytest.mark.slow
def test_each_is_measured_in_a_process_of_its_own():
    ballast = bytearray(b"1" * 2**27)  # of this process
    (peak_mib,) = peak_of_each([B0], (64, 64), "cpu", 1)
    assert peak_mib is not None
    assert WEIGHTS - 2 < peak_mib < WEIGHTS + 40
    del ballast


def test_a_system_that_does_not_tell_has_no_peak(monkeypatch):
    monkeypatch.setattr(memory, "STATUS", Path("/no/status"))
    assert peak(B0, (64, 64), "cpu", 1) is None
