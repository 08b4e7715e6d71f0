"""The config of an adaptation, as a few lines on top of the segmentor's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.files import write_whole

TEXT = """# Adapts {name} to the frames of {table}.
#   python tools/train.py {file}
_base_ = {base!r}
load_from = {weights!r}
model = dict(
    _delete_=True,
    type="AdaptationSegmentor",
    student=_base_.model,
    method={method!r},
)
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type="SourceTargetDataset",
            source=_base_.train_dataloader.dataset.dataset,
            target=dict(
                _base_.train_dataloader.dataset.dataset,
                data_root="",
                split_table={table!r},
                fold=None,
                embargo=0,
                unlabelled="include",
                check_labels=False,
            ),
        )
    )
)
{optimizer}"""
CONSTRUCTOR = 'optim_wrapper = dict(constructor="AdaptationOptimConstructor")\n'


def check_adaptable(cfg: Config) -> None:
    """Check that a config can be adapted by adding to it.

    Raises:
        ValueError: It distils or adapts already, or it does not train on a
            ``TimeSplitDataset`` inside a ``ViewDataset``.
    """
    if plain_model(cfg.model) is not cfg.model:
        raise ValueError(
            f"{cfg.filename} trains a student inside a {cfg.model.type}: give the "
            f"plain config of that student, which fits the same weights"
        )
    dataset = cfg.train_dataloader.dataset
    inner = dataset.get("dataset")
    if not (is_a(dataset, ViewDataset) and inner and is_a(inner, TimeSplitDataset)):
        raise ValueError(
            f"{cfg.filename} does not train on a TimeSplitDataset inside a "
            f"ViewDataset: write the config of the adaptation as in "
            f"configs/adaptation/README.md, and train it with tools/train.py"
        )


def write_config(
    file: Path, cfg: Config, weights: Path, table: Path, method: Mapping[str, Any]
) -> Path:
    """Write the config of an adaptation.

    Args:
        file: Python file to write.
        cfg: Config of the segmentor, which it inherits.
        weights: Its weights, the start.
        table: Split table of the target's frames.
        method: Config of an ``AdaptationMethod``.

    Raises:
        ValueError: ``cfg`` cannot be adapted, see ``check_adaptable``.
    """
    check_adaptable(cfg)
    text = TEXT.format(
        name=cfg.filename,
        file=file,
        base=str(Path(cfg.filename).resolve()),
        weights=str(weights.resolve()),
        table=str(table.resolve()),
        method=dict(method),
        optimizer=CONSTRUCTOR if method["type"] == "Adversarial" else "",
    )
    return write_whole(file, text)
