import pytest

from mmseg_splashkd.datasets.time_split import TimeSplitDataset


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduce_zero_label": True}, "reduce_zero_label=True .* map 0 to 255"),
        ({"ignore_index": 0}, "ignore_index=0 has no effect .* Leave it out"),
        ({"metainfo": {}}, "metainfo is given by label_coding"),
    ],
)
def test_arguments_that_a_coding_replaces_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TimeSplitDataset(split="train", lazy_init=True, **arguments)


def test_their_defaults_are_accepted():
    same = {"reduce_zero_label": False, "ignore_index": 255}
    assert TimeSplitDataset(split="train", lazy_init=True, **same).split == "train"
