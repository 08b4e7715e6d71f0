"""The deployed function of a config and its weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, tensors_sha256
from mmseg_splashkd.config.data_check import coding_of
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.exportable import check_exportable
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.pipeline import trained_size
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.deploy.versions import versions_of
from mmseg_splashkd.evaluation.operating_point.stored import OPERATING_POINT
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.teacher.renormalise import normalisation
from mmseg_splashkd.runs.open_network import open_network
from mmseg_splashkd.version import __version__

COMPARED = 50  # frames whose size is looked at
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")


def deployed_of(cfg: Config, checkpoint: str | Path) -> tuple[Deployed, DeployedMeta]:
    """The deployed function of weights, and what a file of it says of itself.

    Args:
        cfg: Resolved config; of a distillation, the student is opened.
        checkpoint: Its weights.

    Returns:
        The function in the mode of tests, and the entries without ``parity``.

    Raises:
        FileNotFoundError: Weights, or, where the config resizes no frame, frames of the
            validation part are missing.
        ValueError: The config cannot be deployed; the message names what.
    """
    check_exportable(cfg)
    weights = find_checkpoint(str(checkpoint))
    size = trained_size(cfg) or _size_of_frames(cfg)
    meta = _meta(cfg, weights, size)
    network = open_network(cfg, weights)
    applied = normalisation(network)
    mean, std = applied["mean"], applied["std"]
    thresholds = meta.thresholds or _of_one_logit(network, meta.classes)
    meta = replace(
        meta,
        mean=mean and tuple(mean),
        std=std and tuple(std),
        thresholds=thresholds,
    )
    ((name, threshold),) = meta.thresholds.items() or ((None, 0.5),)
    class_id = None if name is None else meta.classes.index(name)
    return Deployed(network, size, class_id, threshold).eval(), meta


def _size_of_frames(cfg: Config) -> tuple[int, int]:
    """(H, W) of all frames of the validation part, which are not resized.

    Raises:
        ValueError: They differ, or there are none.
    """
    frames = spread_frames(cfg, "val_dataloader", COMPARED)
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) > 1:
        raise ValueError(
            f"frames of the validation part have several sizes (height and width "
            f"{sorted(sizes)}), and its pipeline has no Resize: add "
            f" Resize(scale=(width, height), keep_ratio=False)"
        )
    ((height, width),) = sizes
    return int(height), int(width)


def _meta(cfg: Config, weights: Path, size: tuple[int, int]) -> DeployedMeta:
    """Entries of a config and its weights; normalisation and parity follow."""
    stored = read_checkpoint(weights)
    about, coding = stored["meta"], coding_of(cfg)
    point = about.get(OPERATING_POINT) or {}
    thresholds = {}
    if point and len(coding.classes) == 2:
        thresholds = {point["class"]: point["threshold"]}
    return DeployedMeta(
        classes=tuple(coding.classes),
        palette=tuple(tuple(map(int, colour)) for colour in coding.palette),
        gray_to_train_id=dict(coding.gray_to_train_id),
        train_id_to_gray=dict(coding.train_id_to_gray),
        size=size,
        mean=None,
        std=None,
        thresholds=thresholds,
        config_sha256=text_sha256(config_text(cfg)),
        weights_sha256=tensors_sha256(stored["state_dict"]),
        run=str(about.get("run") or ""),
        versions={"mmseg_splashkd": __version__, **versions_of(*PACKAGES)},
        parity={},
    )


def _of_one_logit(network: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Class -> threshold by which MMSegmentation decides a single logit."""
    if network.out_channels != 1:
        return {}
    return {names[1]: float(last_head(network).threshold)}
