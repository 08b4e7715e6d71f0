import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.hooks import IterTimerHook, LoggerHook
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    load_strict,
    read_checkpoint,
    write_weights,
)
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.evaluation import DiceMetric
from mmseg_splashkd.runs.test import (
    _log_in_first_process,
    _name_predictions,
    evaluate,
)
from tests.conftest import BEST, DISTILLED, PLAIN, tiny_run
from tests.datasets.checks.builders import clean_pond, parts_of
from tests.records.builders import leave_run


@pytest.fixture(scope="module")
def student_options(pond) -> dict:
    """Options of the distilled student's plain config."""
    head = {"type": "PositionalSegformerHead", "ratio": 0.01}
    options = tiny_run(pond, "model")
    return options | {f"model.decode_head.{key}": head[key] for key in head}


@pytest.fixture(scope="module")
def metrics(distilled, distil_options, tmp_path_factory) -> dict:
    """Metrics of the distilled student, without the teacher's file."""
    options = distil_options | {"model.teacher_checkpoint": "nowhere.safetensors"}
    logs = tmp_path_factory.mktemp("logs")
    return evaluate(DISTILLED, distilled / BEST, logs, cfg_options=options)


def test_either_config_tests_a_distilled_checkpoint(
    metrics, distilled, student_options, tmp_path
):
    plain = evaluate(PLAIN, distilled / BEST, tmp_path, cfg_options=student_options)
    assert plain == metrics
    assert {"mIoU", "Dice.splash", "aAcc", "cross_entropy"} <= plain.keys()


def test_checkpoint_and_exported_weights_yield_equal_metrics(
    metrics, distilled, distil_options, tmp_path
):
    best = distilled / "best_OperatingPoint.Dice_*.pth"
    options = distil_options | {"model.type": "mmseg.DistillSegmentor"}
    assert metrics == evaluate(DISTILLED, best, tmp_path, cfg_options=options)


def test_predictions_are_written_and_painted(distilled, distil_options, pond, tmp_path):
    evaluate(
        DISTILLED,
        distilled / BEST,
        tmp_path,
        show_dir=tmp_path / "show",
        out=tmp_path / "out",
        cfg_options=distil_options,
    )
    stems = sorted(path.stem for path in (pond / "images").iterdir())[-3:]
    written = sorted((tmp_path / "out" / "pond").iterdir())
    assert [path.stem for path in written] == stems
    for path in written:
        prediction = np.asarray(Image.open(path))
        assert prediction.shape == (64, 80)
        assert set(np.unique(prediction)) <= {0, 1}
    shown = sorted((tmp_path / "show" / "pond").iterdir())
    assert [path.name for path in shown] == [f"{stem}.png" for stem in stems]
    for path in shown:
        strip = np.asarray(Image.open(path))
        assert strip.shape[0] > 64  # a caption below the three pictures
        strip = strip[:64, :240]
        frame = np.asarray(Image.open(pond / "images" / path.name).convert("RGB"))
        assert np.array_equal(strip[:, :80], frame)
        assert not np.array_equal(strip[:, 80:160], frame)


def test_equal_names_are_refused_before_a_frame_is_written(tmp_path):
    """Two cameras whose split table gives them the same name."""

    class Frames:
        def __len__(self) -> int:
            return 2

        def get_data_info(self, index: int) -> dict[str, str]:
            return {"img_path": f"{index}/7.png", "recording": "cam"}

    metric = DiceMetric(output_dir=str(tmp_path / "out"))
    loop = SimpleNamespace(
        evaluator=SimpleNamespace(metrics=[metric]),
        dataloader=SimpleNamespace(dataset=Frames()),
    )
    with pytest.raises(ValueError, match=r"would both be written to cam/7\.png"):
        _name_predictions(SimpleNamespace(test_loop=loop))  # pyright: ignore
    assert not list((tmp_path / "out").iterdir())


@pytest.fixture(scope="module")
def undecided(
    distilled, distil_options, tmp_path_factory
) -> tuple[Path, EncoderDecoder]:
    """Weights of a student to whom either class is as likely, and the student."""
    cfg = read_config(DISTILLED, distil_options)
    student = MODELS.build(plain_model(cfg.model)).eval()
    checkpoint = read_checkpoint(find_checkpoint(str(distilled / BEST)))
    load_strict(student, checkpoint["state_dict"], BEST)
    frames = [network_input(path) for path in newest_frames(cfg.data_root)]
    with torch.no_grad():
        logits = student(torch.cat(frames), mode="tensor")
        margin = (logits[:, 1] - logits[:, 0]).median()
        student.decode_head.conv_seg.bias += torch.stack([margin, -margin]) / 2
    path = tmp_path_factory.mktemp("undecided") / "weights.safetensors"
    write_weights(student.state_dict(), path, checkpoint["meta"])
    return path, student


def newest_frames(data_root: str | Path) -> list[Path]:
    """The test part: the newest 3 of 31 frames."""
    return sorted(Path(data_root, "images").iterdir())[-3:]


def network_input(frame: Path) -> Tensor:
    """The (1, 3, 128, 192) input for a frame, without MMSegmentation."""
    with Image.open(frame) as image:
        pixels = cv2.resize(np.asarray(image.convert("RGB")), (192, 128))
    mean, std = np.array([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])
    normalised = torch.from_numpy((pixels - mean) / std)
    return normalised.permute(2, 0, 1)[None].float()


@torch.no_grad()
def probabilities(student: EncoderDecoder, pixels: Tensor, unflip: bool) -> Tensor:
    """(C, 64, 80) softmax at the frame's own size, flipped back if asked for."""
    logits = student(pixels, mode="tensor")
    for size in ((128, 192), (64, 80)):  # what the network saw, what the frame is
        logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        if unflip and size == (128, 192):
            logits = logits.flip(3)
    return logits.softmax(1)[0]


def test_flips_are_averaged(undecided, distil_options, pond, tmp_path):
    weights, student = undecided
    averaged = evaluate(
        DISTILLED,
        weights,
        tmp_path,
        out=tmp_path / "out",
        tta=True,
        cfg_options=distil_options,
    )
    assert "Dice.splash" in averaged
    assert "cross_entropy" not in averaged
    for frame in newest_frames(pond):
        pixels = network_input(frame)
        plain = probabilities(student, pixels, unflip=False)
        mirrored = probabilities(student, pixels.flip(3), unflip=True)
        expected = ((plain + mirrored) / 2).argmax(0).numpy()
        # Else neither look alone could be told from their mean.
        for look in (plain, mirrored):
            assert (look.argmax(0).numpy() != expected).mean() > 0.01
        written = np.asarray(
            Image.open(tmp_path / "out" / "pond" / f"{frame.stem}.png")
        )
        assert (written != expected).mean() < 0.001  # ties


def test_checkpoint_is_refused_without_its_position_embedding(
    distilled, pond, tmp_path
):
    options = tiny_run(pond, "model")
    with pytest.raises(ValueError, match=r"position embedding .*0\.01.* has None"):
        evaluate(PLAIN, distilled / BEST, tmp_path, cfg_options=options)


def test_config_of_a_mixed_precision_run_tests_anywhere(
    metrics, distilled, distil_options, tmp_path
):
    cfg = read_config(DISTILLED, distil_options)
    cfg.optim_wrapper.update(type="AmpOptimWrapper", loss_scale="dynamic")
    cfg.dump(tmp_path / "dumped.py")
    logs = tmp_path / "logs"
    assert evaluate(tmp_path / "dumped.py", distilled / BEST, logs) == metrics


@pytest.mark.parametrize("ignored", [False, True])
def test_labels_that_show_nothing_are_told_before_the_test(
    distilled, distil_options, pond, tmp_path, capsys, ignored
):
    table = clean_pond(pond, tmp_path / "pond")
    write_table(table, [replace(f, splash_share=None) for f in read_table(table)])
    for frame in parts_of(table)["test"]:
        Image.fromarray(np.zeros((64, 80), np.uint8)).save(frame.label)
    options = distil_options | {"data_root": str(table.parent)}
    options |= {"split_table": table.name}
    if ignored:
        coding = tmp_path / "coding.yaml"
        coding.write_text(
            "classes: [background, splash]\npalette: [[0, 0, 1], [9, 9, 9]]\n"
            "gray_to_train_id: {7: 0, 255: 1, 0: 255}\n"
        )
        options["label_coding"] = str(coding)
        with pytest.raises(ValueError, match=r"all 3 labels of test ignore every pi"):
            evaluate(DISTILLED, distilled / BEST, tmp_path / "t", cfg_options=options)
        assert not (tmp_path / "t").exists()
    else:
        evaluate(DISTILLED, distilled / BEST, tmp_path / "t", cfg_options=options)
        told = capsys.readouterr().out
        assert "data check: [no_splash] no frame of test has splash: its Dice" in told


def test_one_metric_need_not_be_a_list(metrics, distilled, distil_options, tmp_path):
    metric = {"_delete_": True, "type": "DiceMetric"}
    options = distil_options | {"test_evaluator": metric}
    out = tmp_path / "out"
    found = evaluate(
        DISTILLED, distilled / BEST, tmp_path, out=out, cfg_options=options
    )
    assert found["Dice.splash"] == metrics["Dice.splash"]
    assert "cross_entropy" not in found
    assert len(list((out / "pond").iterdir())) == 3


def test_predictions_in_the_coding_of_the_data_set(distilled, distil_options, tmp_path):
    options = distil_options | {"test_dataloader.dataset.label_coding": "splash"}
    out = tmp_path / "out"
    evaluate(
        DISTILLED,
        distilled / BEST,
        tmp_path,
        out=out,
        out_coding="gray",
        cfg_options=options,
    )
    values = set()
    for path in (out / "pond").iterdir():
        with Image.open(path) as image:
            values |= set(np.unique(np.asarray(image)).tolist())
    assert values <= {0, 255}
    assert len(list((out / "pond").iterdir())) == 3


def test_predictions_need_a_dice_metric(distilled, distil_options, tmp_path):
    options = distil_options | {"test_evaluator": [{"type": "CrossEntropyMetric"}]}
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="--out needs a DiceMetric in test_evaluator"):
        evaluate(DISTILLED, distilled / BEST, tmp_path, out=out, cfg_options=options)
    assert not out.exists()


def test_weights_of_a_run_that_failed_are_named(distilled, distil_options, tmp_path):
    run = leave_run(tmp_path, status="failed", iteration=3, reason="lost")
    weights = run / "weights_run0_best.safetensors"
    shutil.copy(next(distilled.glob(BEST)), weights)
    evaluate(DISTILLED, weights, tmp_path / "test", cfg_options=distil_options)
    (log,) = (tmp_path / "test").glob("2*/*.log")
    line = "is of run run0, which has not finished: failed at iteration 3: lost"
    assert line in log.read_text()


def test_weights_that_are_not_finite_are_refused(distilled, tmp_path, pond):
    checkpoint = read_checkpoint(next(distilled.glob(BEST)))
    checkpoint["state_dict"]["decode_head.conv_seg.bias"] /= 0
    path = tmp_path / "weights_x_best.safetensors"
    write_weights(checkpoint["state_dict"], path, checkpoint["meta"])
    options = tiny_run(pond, "model")
    with pytest.raises(ValueError, match=r"holds NaN or infinite values \(decode_head"):
        evaluate(PLAIN, path, tmp_path / "test", cfg_options=options)


def test_checkpoint_of_another_model_is_refused(distilled, pond, tmp_path):
    options = tiny_run(pond, "model", model__decode_head__channels=24)
    with pytest.raises(RuntimeError, match="does not fit the model"):
        evaluate(PLAIN, distilled / BEST, tmp_path, cfg_options=options)


def test_missing_files_are_named(distilled, pond, tmp_path):
    options = tiny_run(pond, "model")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth.* does not exist"):
        evaluate(PLAIN, "nowhere.pth", tmp_path, cfg_options=options)
    with pytest.raises(FileNotFoundError, match=r"config nowhere\.py does not exist"):
        evaluate("nowhere.py", distilled / BEST, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"(?s)data_root=.*make demo"):
        evaluate(
            PLAIN, distilled / BEST, tmp_path, cfg_options={"data_root": "nowhere"}
        )


@pytest.mark.parametrize(("rank", "kept"), [(0, 3), (1, 1), (3, 1)])
def test_one_process_writes_the_metrics(rank, kept):
    class OwnLoggerHook(LoggerHook):
        pass

    hooks = [LoggerHook(), IterTimerHook(), OwnLoggerHook()]
    runner = SimpleNamespace(rank=rank, hooks=hooks)
    _log_in_first_process(runner)  # type: ignore[arg-type]
    assert len(runner.hooks) == kept
    assert any(isinstance(hook, IterTimerHook) for hook in runner.hooks)
