import pytest

from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS, PLAIN


@pytest.mark.parametrize(
    ("config", "key", "remedy"),
    [
        (PLAIN, "val_dataloader.dataset", "label_coding"),
        (
            CONFIGS / "camvid" / "segformer_b0_camvid.py",
            "train_dataloader.dataset.dataset",
            "gray_to_train_id of LoadGrayLabels",
        ),
    ],
    ids=["time_split", "plain"],
)
def test_reduce_zero_label_beside_a_table_is_refused(config, key, remedy):
    message = f"reduce_zero_label=True of a .* has no effect: {remedy} maps each"
    with pytest.raises(ValueError, match=message):
        read_config(config, {f"{key}.reduce_zero_label": True})
    assert read_config(config, {f"{key}.reduce_zero_label": False})
