"""Fixtures shared by all tests: a small synthetic video and tiny trained runs.

Nothing heavy is imported here: with several processes, the one that starts them reads
this file first, and runs no test.
"""

import gc
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.short_runs import tiny
from tests.memory_files import use_memory

ROOT = Path(__file__).resolve().parents[1]
# Tools import what they share from their own folder.
sys.path.append(str(ROOT / "tools"))
CONFIGS = ROOT / "configs"
TEACHER = CONFIGS / "demo" / "segformer_b1_pond.py"
PLAIN = CONFIGS / "demo" / "segformer_b0_pond.py"
DISTILLED = CONFIGS / "demo" / "segformer_b0_kd_pe001_pond.py"
BEST = "weights_*_best.safetensors"


def pytest_configure(config: pytest.Config) -> None:
    """Make torchvision importable before the host stack is imported, which we do.

    Before that, name the folder of temporary files, also for other processes.
    """
    use_memory()
    starts_others = bool(config.getoption("numprocesses", None))
    if not starts_others or hasattr(config, "workerinput"):
        for name in ("tests.torchvision_apart", "mmseg_splashkd"):
            import_module(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with slow tests first, so that two processes end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection.

    mmengine calls ``gc.collect()`` for every data set; with all modules loaded each
    call takes half a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Handlers of Python, also under nohup and beside Ray, which sets its own."""
    from mmseg_splashkd.hooks.held_signals import STOPS

    before = {each: signal.getsignal(each) for each in STOPS}
    for each in STOPS:
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture(autouse=True)
def default_scope() -> None:
    """Let models build without a runner, which would set the scope."""
    from mmengine.registry import init_default_scope

    init_default_scope("mmseg")


@pytest.fixture(scope="session")
def pond(tmp_path_factory) -> Path:
    """Draw 31 frames of 64x80: 22 to train on, 6 to validate, 3 to test."""
    from mmseg_splashkd.datasets.synthetic import draw_pond

    folder = tmp_path_factory.mktemp("data") / "pond"
    draw_pond(folder, frames=31, size=(64, 80), progress=False)
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """Draw twelve photos without time stamps: 8 to train on, 4 to validate."""
    from tests.photos import draw_photos

    return draw_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def photo_run(photos, tmp_path_factory) -> Path:
    """Work directory of a run of a plain config of MMSegmentation, without our hooks.

    The config lies in the folder of the work directory.
    """
    from tests.photos import write_config

    folder = tmp_path_factory.mktemp("photo_run")
    return train(write_config(folder / "photos.py", photos), folder / "run")


def train(*given, **options) -> Path:
    """Train; return the work directory."""
    from mmseg_splashkd.runs.train import train

    return train(*given, **options)


def tiny_run(pond: Path, *models: str, iterations: int = 2, **options) -> dict:
    """Options that make a demo config run in a second or two.

    Args:
        pond: The frames.
        *models: Dotted keys of the models in the config.
        iterations: Number of training iterations; every second one is validated.
        **options: Further keys, with ``__`` for a dot.
    """
    small = {"data_root": str(pond), "train_cfg.max_iters": iterations, "embargo": 0}
    small |= {"train_cfg.val_interval": 2, "default_hooks.checkpoint.interval": 2}
    if "model.teacher" in models:  # trained for 2 iterations
        small |= {"model.teacher_gate.allow": ["floor"]}
    small |= {"default_hooks.logger.interval": 1, "train_dataloader.batch_size": 2}
    for model in models:
        small |= tiny(model)
    return small | {key.replace("__", "."): value for key, value in options.items()}


@pytest.fixture(scope="session")
def teacher(pond, tmp_path_factory) -> Path:
    """Work directory of a tiny teacher."""
    work_dir = tmp_path_factory.mktemp("teacher")
    return train(TEACHER, work_dir, cfg_options=tiny_run(pond, "model"))


@pytest.fixture(scope="session")
def distil_options(pond, teacher) -> dict:
    """Options of a tiny distillation."""
    options = tiny_run(pond, "model.student", "model.teacher")
    return options | {"model.teacher_checkpoint": str(teacher / BEST)}


@pytest.fixture(scope="session")
def distilled(distil_options, tmp_path_factory) -> Path:
    """Work directory of a tiny distilled student."""
    work_dir = tmp_path_factory.mktemp("distilled")
    return train(DISTILLED, work_dir, cfg_options=distil_options)
