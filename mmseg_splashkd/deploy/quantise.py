"""Integers in place of floats, as far as the validation part allows it."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.deploy import ir_file
from mmseg_splashkd.deploy.decision import threshold_of, with_threshold
from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.deploy.engines.open_vino_core import open_vino_core
from mmseg_splashkd.deploy.integer_layers import layers_of
from mmseg_splashkd.deploy.labelled import (
    LabelledFrame,
    LabelledFrames,
    Run,
    validated,
)
from mmseg_splashkd.deploy.quiet import quiet
from mmseg_splashkd.deploy.signal_stack import kept_signal_stack
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.deploy.testing import check_classes
from mmseg_splashkd.deploy.versions import versions_of
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import check_writable

FRAMES = 100
MAX_DROP = 0.25  # points; half of the margin of a verdict
# NNCF reports uses of it to a server unless told that it runs in a test.
NO_REPORTS = "NNCF_CI"
PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


@dataclass(frozen=True)
class Quantised:
    """What quantisation did.

    Args:
        frames: Frames of the training part from which ranges were taken.
        validated: Frames of the validation part on which it was scored.
        before: Score of the float file there, in percent: Dice of the class that is
            decided by a threshold, at the best one; otherwise mIoU.
        after: Score of the quantised file, at least that less ``max_drop``.
        integers: Number of convolutions and matrix products in integers.
        floats: Names of those that were left in float.
        threshold: The new threshold; None where the most likely class is predicted.
        notes: Findings on the data that were allowed, and other doubts.
    """

    frames: int
    validated: int
    before: float
    after: float
    integers: int
    floats: tuple[str, ...]
    threshold: float | None
    notes: tuple[str, ...]


def quantise(
    config: str | Path,
    file: str | Path,
    out: str | Path,
    frames: int = FRAMES,
    max_drop: float = MAX_DROP,
    cfg_options: dict[str, Any] | None = None,
) -> Quantised:
    """Quantise an exported file to 8 bits for OpenVINO (NNCF, after training).

    Ranges of values are taken from frames of the training part. Where the score on the
    validation part drops by more than ``max_drop``, the layers that hurt most are left
    in float, one by one, until it does not. The threshold is chosen anew.

    Args:
        config: Config with which the file was exported; its data are read.
        file: ONNX file of ``tools/export.py``.
        out: ``.xml`` file to write, with a ``.bin`` beside it.
        frames: Number of frames of the training part, from 1, spread evenly over it;
            fewer where there are not so many.
        max_drop: Points that the score may drop, > 0.
        cfg_options: Dotted config keys to override.

    Raises:
        FileNotFoundError: Config, file or frames are missing.
        ImportError: The extra ``deploy`` is not installed.
        ValueError: Frames of the training part are in another part, too; the file has
            other classes than the config, is quantised already or damaged; or an
            argument is out of its range.
    """
    _check_arguments(file, out, max_drop)
    _import_nncf()
    meta = read_meta(file)
    check_classes(config, file, cfg_options)
    cfg = read_config(config, cfg_options)
    notes = _checked_data(cfg)
    if text_sha256(config_text(cfg)) != meta.config_sha256:
        notes.append(f"{file} was exported with another config, or other options")
    drawn = spread_frames(cfg, "train_dataloader", frames)
    calibration = [frame[None] for frame in drawn]
    validation = LabelledFrames(cfg, "val_dataloader")
    model = folded(open_vino_core().read_model(str(file)))
    focus = _focus_of(meta)
    if focus is not None:
        threshold_of(model)  # there is one, before minutes are spent
    before = _scored(model, validation, focus, meta)
    if focus is not None and before.threshold is None:
        raise ValueError(
            f"no pixel of the validation part is {meta.classes[focus]}, so that a loss "
            f"by quantisation would not be seen: take a validation part with some"
        )
    count = len(meta.classes)
    quantised = quantised_model(model, calibration, validation, max_drop, focus, count)
    after = _scored(quantised, validation, focus, meta)
    if not after.score >= before.score - max_drop:  # also of NaN
        raise ValueError(
            f"the score on the validation part drops from {before.score:.2f} to "
            f"{after.score:.2f}, by more than max_drop={max_drop}, whatever is left in "
            f"float. Nothing was written: allow a larger drop, or keep {file}"
        )
    if after.threshold is not None and focus is not None:
        quantised = with_threshold(quantised, after.threshold)
        meta = replace(meta, thresholds={meta.classes[focus]: after.threshold})
    integers, floats = layers_of(quantised)
    result = Quantised(
        len(calibration),
        len(validation),
        before.score,
        after.score,
        integers,
        floats,
        after.threshold,
        tuple(notes),
    )
    meta = replace(
        meta,
        parity={},  # those of the file of floats
        versions={**meta.versions, **versions_of("openvino", "nncf")},
        quantised=_entries(result),
    )
    ir_file.write(quantised, meta, out)
    return result


def _checked_data(cfg: Config) -> list[str]:
    """Findings on the data that the config allows, but for shared frames.

    Raises:
        ValueError: A frame of the training part is in another part, too, whatever the
            config allows; or as for ``check_data``.
    """
    allowed = check_data(cfg)
    if shared := [each for each in allowed if each.code == "shared_frame"]:
        raise ValueError(
            f"{shared[0]}: ranges that are taken from frames of another part would be "
            f"fitted to them, so that data_check.allow does not hold here"
        )
    return [str(each) for each in allowed]


def _import_nncf() -> Any:
    os.environ.setdefault(NO_REPORTS, "1")
    return import_extra("nncf", "quantised files", "deploy")


def _check_arguments(file: str | Path, out: str | Path, max_drop: float) -> None:
    if Path(out).suffix != ".xml":
        raise ValueError(f"OUT={out} must end in .xml: the file is for OpenVINO")
    if Path(file).suffix.lower() != ".onnx":
        raise ValueError(f"{file} must be an ONNX file of tools/export.py")
    if not 0 < max_drop < 100:
        raise ValueError(f"max_drop={max_drop} must be above 0 and below 100 points")
    check_writable(Path(out).parent, "OUT")


def folded(model: Any) -> Any:
    """The model with its constants computed: NNCF does not see weights in a split."""
    passes: Any = import_extra("openvino.passes", "quantised files", "deploy")
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)
    return model


def _focus_of(meta: Any) -> int | None:
    """Index of the class that is decided by a threshold."""
    ((name, _),) = meta.thresholds.items() or ((None, None),)
    return None if name is None else meta.classes.index(name)


def quantised_model(
    model: Any,
    calibration: Sequence[np.ndarray],
    validation: Sequence[LabelledFrame],
    max_drop: float,
    class_id: int | None,
    classes: int,
) -> Any:
    """A model with layers in 8 bits, without those that hurt.

    Args:
        model: A model of OpenVINO of a deployed function.
        calibration: Frames (1, H, W, 3) from which ranges are taken.
        validation: Frames on which it is scored.
        max_drop: Points that the score may drop, > 0.
        class_id: Class that is decided by a threshold; None: mIoU of all counts.
        classes: Number of classes, C.
    """
    nncf = _import_nncf()

    def score(compiled: Any, items: Any) -> tuple[float, list[float]]:
        found = validated(_run_by(compiled), items, class_id, classes)
        return found.score, found.right

    with quiet("nncf"), kept_signal_stack():  # it has cores of its own
        return nncf.quantize_with_accuracy_control(
            model,
            calibration_dataset=nncf.Dataset(calibration, _as_input),
            validation_dataset=nncf.Dataset(validation, _as_input),
            validation_fn=score,
            max_drop=max_drop,
            drop_type=nncf.DropType.ABSOLUTE,
            subset_size=len(calibration),
            model_type=nncf.ModelType.TRANSFORMER,
        )


def _as_input(each: Any) -> dict[str, np.ndarray]:
    return {"frames": each.frame if isinstance(each, LabelledFrame) else each}


def _run_by(compiled: Any) -> Run:
    def run(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = compiled({"frames": frames})
        return found["probabilities"], found["classes"]

    return run


def _scored(model: Any, frames: LabelledFrames, focus: int | None, meta: Any) -> Any:
    compiled = open_vino_core().compile_model(model, "CPU", PRECISE)
    return validated(_run_by(compiled), frames, focus, len(meta.classes))


def _entries(result: Quantised) -> dict[str, Any]:
    return {key: value for key, value in asdict(result).items() if key != "notes"}
