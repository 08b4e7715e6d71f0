from pathlib import Path

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.variables import read_file
from tests.conftest import CONFIGS, PLAIN

FILES = {
    "schedule.py": """
        max_iters = 100
        warmup = max_iters // 10
        resize = dict(type="Resize", scale=None)
        train_cfg = dict(max_iters=max_iters, warmup=warmup, steps=[resize])
        name = "{{ fileBasenameNoExtension }}"
        log_level = name
    """,
    "middle.py": """
        _base_ = "./schedule.py"
        resize = dict(scale=3)
    """,
    "pair.py": """
        _base_ = ["./middle.py", "./plain.json"]
        def twice(value):
            return 2 * value
        val_cfg = dict(steps=twice(_base_.max_iters), seed=_base_.seed)
    """,
    "plain.json": '{"seed": 1}',
}


@pytest.fixture
def write(tmp_path):
    """Write the files above and one more that inherits; return its path."""

    def write(text: str, name: str = "mine.py") -> Path:
        for file, content in {**FILES, name: text}.items():
            lines = content.strip("\n").splitlines()
            kept = "\n".join(line.removeprefix(" " * 8) for line in lines)
            (tmp_path / file).write_text(kept)
        return tmp_path / name

    return write


def test_a_variable_reaches_what_every_file_below_computes(write):
    path = write("_base_ = './pair.py'\nmax_iters = 40\n")
    cfg = read_file(path)
    assert cfg.train_cfg.to_dict() == {
        "max_iters": 40,
        "warmup": 4,
        "steps": [{"type": "Resize", "scale": 3}],
    }
    assert cfg.val_cfg.steps == 80
    assert (cfg.filename, cfg.log_level) == (str(path), "schedule")
    assert read_file(path, {"max_iters": 60, "seed": 5}).val_cfg == {
        "steps": 120,
        "seed": 5,
    }


def test_values_that_are_computed_are_carried(write):
    text = "_base_ = './pair.py'\nepochs = 3\nmax_iters = epochs * 20\n"
    assert read_file(write(text)).train_cfg.warmup == 6
    text = "_base_ = './pair.py'\nmax_iters = _base_.max_iters * 2\n"
    assert read_file(write(text)).train_cfg.max_iters == 200
    text = "_base_ = './pair.py'\nmax_iters = 50\nwarmup = max_iters // 5\n"
    cfg = read_file(write(text))
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.warmup) == (50, 10)
    cfg = read_file(write(text), {"max_iters": 10})
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.warmup) == (10, 2)


def test_a_json_file_sets_variables_of_its_bases(write):
    path = write('{"_base_": "./pair.py", "max_iters": 30}', "mine.json")
    assert read_file(path).train_cfg.warmup == 3


def test_a_variable_without_effect_is_refused_with_the_key_to_set(write):
    text = "_base_ = './pair.py'\nmax_iters = 40\n"
    text += "train_cfg = dict(max_iters=7, warmup=1)\nval_cfg = dict(steps=1)\n"
    message = "sets max_iters=40, which changes nothing .*Set train_cfg.max_iters"
    with pytest.raises(ValueError, match=message):
        read_file(write(text))
    assert read_file(write(text.replace("40", "100"))).max_iters == 100  # as the base


def test_a_variable_that_a_file_uses_itself_is_left_with_a_warning(write):
    text = "_base_ = './pair.py'\nmax_iters = 40\nlog_processor = dict(n=max_iters)\n"
    message = "sets max_iters=40 and reads it itself, .* train_cfg.max_iters"
    with pytest.warns(UserWarning, match=message):
        assert read_file(write(text)).train_cfg.max_iters == 100


def test_values_that_the_files_cannot_use_are_named(write):
    message = "cannot be read with max_iters='many': TypeError: "
    with pytest.raises(ValueError, match=message):
        read_file(write("_base_ = './pair.py'\n"), {"max_iters": "many"})


def test_options_carry_variables_and_a_short_schedule_is_legal():
    cfg = read_config(PLAIN, {"max_iters": 4, "size": (64, 32)})
    assert cfg.train_cfg.max_iters == 4
    assert [(each.begin, each.end) for each in cfg.param_scheduler] == [(0, 2), (2, 4)]
    assert cfg.tta_pipeline[1].transforms[0][0].scale == (64, 32)
    assert read_config(PLAIN, {"warmup": 9}).param_scheduler[1].begin == 9


def test_an_option_without_effect_is_refused_with_the_key_to_set(tmp_path):
    cfg = read_config(PLAIN)
    path = tmp_path / "dumped.py"  # no variable is computed from another any more
    cfg.dump(path)
    message = "max_iters changes nothing .*Set train_cfg.max_iters.* instead"
    with pytest.raises(ValueError, match=message):
        read_config(path, {"max_iters": 4})
    assert read_config(path, {"max_iters": 150}).train_cfg.max_iters == 150


@pytest.mark.parametrize(
    "name", ["kd/segformer_b0", "farm/farm_b1", "study/study_farm_b1"]
)
def test_a_run_of_four_iterations_has_a_legal_schedule(name):
    cfg = read_config(CONFIGS / f"{name}.py", {"max_iters": 4})
    assert cfg.train_cfg.max_iters == 4
    warmup, decay = cfg.param_scheduler
    assert (warmup.begin, warmup.end, decay.begin, decay.end) == (0, 2, 2, 4)
