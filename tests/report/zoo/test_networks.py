from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.report.zoo import networks
from mmseg_splashkd.report.zoo.networks import find_networks
from tests.conftest import CONFIGS, PLAIN

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


def failing(error: Exception, cause: Exception | None = None) -> Any:
    def build(_: Path) -> None:
        raise error from cause

    return build


@pytest.mark.parametrize(
    "raised",
    [
        (ImportError("models need x: pip install -e '.[x]'"),),
        (ValueError("model"), ImportError("models need x: pip install -e '.[x]'")),
        (ValueError("network"), OSError("models need x: pip cannot connect\nto y")),
    ],
    ids=["missing", "behind another error", "offline"],
)
def test_a_config_that_needs_what_is_not_here_is_left_out(
    monkeypatch, raised, tmp_path
):
    monkeypatch.setattr(networks, "build", failing(*raised))
    config = tmp_path / "a.py"
    config.touch()
    found, (left_out,) = find_networks([config], SIZE)
    assert found == []
    assert left_out.config == config
    assert left_out.reason.startswith("models need x: pip")
    assert "\n" not in left_out.reason


def test_any_other_error_is_raised(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_networks([Path("no.py")], SIZE)
    (tmp_path / "a.py").touch()
    monkeypatch.setattr(networks, "build", failing(ValueError("num_classes=0")))
    with pytest.raises(ValueError, match="num_classes=0"):
        find_networks([tmp_path / "a.py"], SIZE)


def test_no_weights_are_downloaded_for_a_network(tmp_path, monkeypatch):
    cfg = read_config(PLAIN).to_dict()
    nested = {"type": "SegformerHead", "neck": [{"pretrained": True}]}
    cfg["model"] |= {"backbone": {"pretrained": True}, "decode_head": nested}
    built: list[Any] = []
    monkeypatch.setattr(networks, "read_config", lambda _: Config(cfg))
    monkeypatch.setattr(networks.MODELS, "build", lambda given: built.append(given))
    with pytest.raises(networks.NoSegmentorError):  # what is built here is no model
        networks.build(tmp_path)
    (given,) = built
    assert given.backbone.pretrained is False
    assert given.decode_head.neck[0]["pretrained"] is False
    assert given.test_cfg.mode == "whole"
