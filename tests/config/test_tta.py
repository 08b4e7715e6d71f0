import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.config.tta import check_tta
from tests.conftest import PLAIN

SCALE = "tta_pipeline.1.transforms.0.0.scale"


def test_tta_at_another_size_is_refused(pond):
    cfg = read_config(PLAIN, {"data_root": str(pond), "embargo": 0, SCALE: (96, 64)})
    message = (
        r"tta_pipeline.1.transforms.0.0.scale=\(96, 64\) differs .*, \(192, 128\), .*"
        r"set tta_pipeline.1.transforms.0.0.scale to it"
    )
    for check in (check_tta, check_training):
        with pytest.raises(ValueError, match=message):
            check(cfg)


@pytest.mark.parametrize(
    "looks",
    [
        [{"type": "Resize", "scale": (192, 128)}],
        [{"type": "Resize", "scale": each} for each in ((96, 64), (192, 128))],
        [{"type": "mmseg.Resize", "scale_factor": 0.5, "keep_ratio": True}],
    ],
    ids=["one", "several", "factor"],
)
def test_the_same_size_several_sizes_and_factors_are_accepted(looks):
    cfg = read_config(PLAIN)
    cfg.tta_pipeline[1].transforms[0] = looks
    check_tta(cfg)
