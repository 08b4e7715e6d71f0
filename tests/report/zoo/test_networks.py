from pathlib import Path

import pytest

from mmseg_splashkd.report.zoo import networks
from mmseg_splashkd.report.zoo.networks import find_networks
from tests.conftest import CONFIGS

SIZE = (64, 96)


def names(found):
    return [[config.stem for config in each.configs] for each in found]


def test_configs_with_the_same_network_are_one_and_losses_do_not_matter():
    kd = CONFIGS / "kd"
    configs = [kd / "segformer_b0.py", kd / "segformer_b0_kd.py"]
    configs += [
        kd / "segformer_b0_kd_pe1.py",
        CONFIGS / "camvid/segformer_b0_camvid.py",
    ]
    found, left_out = find_networks(configs, SIZE)
    # A student with a position embedding costs more; CamVid has more classes.
    assert names(found) == [
        ["segformer_b0", "segformer_b0_kd"],
        ["segformer_b0_kd_pe1"],
        ["segformer_b0_camvid"],
    ]
    assert left_out == []
    plain, embedded, camvid = (each.complexity for each in found)
    assert plain == embedded
    assert camvid.parameters - plain.parameters == (256 + 1) * 9
    assert plain.stride == 4


@pytest.mark.parametrize("chained", [True, False])
def test_a_config_whose_library_is_missing_is_left_out(monkeypatch, chained):
    def build(_):
        missing = ImportError("models need x: pip install -e '.[x]'")
        if chained:
            raise ValueError("model") from missing
        raise missing

    monkeypatch.setattr(networks, "build", build)
    found, (left_out,) = find_networks([Path("a.py")], SIZE)
    assert found == []
    assert left_out.config == Path("a.py")
    assert "pip install" in left_out.reason


def test_any_other_error_is_raised():
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_networks([Path("no.py")], SIZE)
