import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.engine.testing import evaluate
from tests.conftest import tiny_run
from tests.engine.conftest import BEST, DISTILLED, PLAIN


@pytest.fixture(scope="module")
def student_options(pond) -> dict:
    """Options of the distilled student's plain config."""
    head = {"type": "PositionalSegformerHead", "ratio": 0.01}
    options = tiny_run(pond, "model")
    return options | {f"model.decode_head.{key}": head[key] for key in head}


@pytest.fixture(scope="module")
def figures(distilled, distil_options, tmp_path_factory) -> dict:
    """Figures of the distilled student, without the teacher's file."""
    options = distil_options | {"model.teacher_checkpoint": "nowhere.safetensors"}
    logs = tmp_path_factory.mktemp("logs")
    return evaluate(DISTILLED, distilled / BEST, logs, cfg_options=options)


def test_either_config_tests_a_distilled_checkpoint(
    figures, distilled, student_options, tmp_path
):
    plain = evaluate(PLAIN, distilled / BEST, tmp_path, cfg_options=student_options)
    assert plain == figures
    assert {"mIoU", "Dice.splash", "aAcc", "cross_entropy"} <= plain.keys()


def test_host_checkpoint_and_exported_weights_test_alike(
    figures, distilled, distil_options, tmp_path
):
    best = distilled / "best_Dice.splash_*.pth"
    assert figures == evaluate(DISTILLED, best, tmp_path, cfg_options=distil_options)


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
    written = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in written] == stems
    for path in written:
        prediction = np.asarray(Image.open(path))
        assert prediction.shape == (64, 80)
        assert set(np.unique(prediction)) <= {0, 1}
    assert len(list((tmp_path / "show").rglob("*.png"))) == 3


def test_flips_are_averaged(figures, distilled, distil_options, tmp_path):
    averaged = evaluate(
        DISTILLED, distilled / BEST, tmp_path, tta=True, cfg_options=distil_options
    )
    assert "cross_entropy" not in averaged
    assert averaged["aAcc"] != figures["aAcc"]


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
