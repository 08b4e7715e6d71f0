"""Lets the host initialise models from files without running the code in them.

The host loads ``init_cfg=dict(type="Pretrained", checkpoint=...)`` by unpickling, where
a refused file is loaded again without protection, and some backbones do so themselves
to rename keys. So each file is read here first, by the closed reader, and the host gets
a copy that holds nothing but its tensors. What it does with them stays as it is.
"""

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from torch import nn

from mmseg_splashkd.checkpoint import SUFFIX, read_tensors

MMCLS = "mmcls"
# Name of a scheme -> table of the URLs behind its names.
TABLES: dict[str, Callable[[], Mapping[str, str]]] = {
    "modelzoo": get_torchvision_models,
    "torchvision": get_torchvision_models,
    "open-mmlab": get_external_models,
    "openmmlab": get_external_models,
    MMCLS: get_mmcls_models,
}
OTHER_READERS = ("init_cfg", "pretrained", "teacher_checkpoint")
# Arguments of constructors that load a file, of any suffix, and suffixes of such files.
LOADED = ("checkpoint", "checkpoint_path", "class_embed_path", "file")
PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")


class WeightsError(ValueError):
    """The weights to start from cannot be loaded.

    Args:
        key: Dotted key of the config that names them.
        config: Its value.
        cause: The error.
    """

    def __init__(self, key: str, config: Any, cause: Exception) -> None:
        super().__init__(f"{key}={config!r}: {cause}")
        self.key, self.config, self.cause = key, config, cause


@contextmanager
def safe_init(model: nn.Module) -> Iterator[None]:
    """Let ``model.init_weights()`` read harmless copies of the files it names.

    Args:
        model: A model, whose modules may have an ``init_cfg`` each. Those are replaced
            inside the context only.

    Raises:
        WeightsError: A file is missing, cannot be downloaded, is damaged, or may run
            code.
    """
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        copies = _Copies(Path(folder))
        try:
            for name, module in model.named_modules():
                config = getattr(module, "init_cfg", None)
                places = list(_places(config, is_loaded=_is_checkpoint))
                if not places:
                    continue
                key = ".".join(filter(None, ("model", name, "init_cfg")))
                safe = copy.deepcopy(config)
                for owner, argument, _ in _places(safe, is_loaded=_is_checkpoint):
                    owner[argument] = copies.of(owner[argument], key, config)
                kept.append((module, config))
                module.init_cfg = safe  # type: ignore[assignment]
            yield
        finally:
            for module, config in kept:
                module.init_cfg = config


@contextmanager
def safe_files(model: Any) -> Iterator[Any]:
    """Let constructors of the host read harmless copies of the files they are given.

    Args:
        model: Config of a model, or a model.

    Yields:
        The config, with the paths of copies in place of files that hold pickles.

    Raises:
        ValueError: A file is missing, cannot be downloaded, is damaged, or may run
            code.
    """
    if not any(_places(model, is_loaded=_is_pickle)):
        yield model
        return
    safe = copy.deepcopy(model)
    with tempfile.TemporaryDirectory() as folder:
        copies = _Copies(Path(folder))
        for owner, argument, key in _places(safe, is_loaded=_is_pickle):
            owner[argument] = copies.of(owner[argument], f"model.{key}", owner)
        yield safe


Place = tuple[Any, Any, str]  # container, key or index, dotted key


def _places(
    value: Any, is_loaded: Callable[[str, Any], bool], key: str = ""
) -> Iterator[Place]:
    """Places of a config whose value is the name of a file that is loaded."""
    pairs: Any = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, list | tuple):
        pairs = enumerate(value)
    for name, each in pairs:
        dotted = f"{key}.{name}".lstrip(".")
        if is_loaded(dotted, each):
            yield value, name, dotted
        else:
            yield from _places(each, is_loaded, dotted)


def _is_checkpoint(key: str, value: Any) -> bool:
    """Whether a value of ``init_cfg`` is a file, also in one of its ``override``."""
    return key.rpartition(".")[2] == "checkpoint" and isinstance(value, str)


def _is_pickle(key: str, value: Any) -> bool:
    """Whether a value of a model's config is a file that its constructor unpickles."""
    names = key.split(".")
    if not isinstance(value, str) or set(names) & set(OTHER_READERS):
        return False
    suffix = Path(value).suffix.lower()
    return bool(value) and (
        suffix in PICKLES or (names[-1] in LOADED and suffix != SUFFIX)
    )


class _Copies:
    """Copies of the tensors of files, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[str, str] = {}

    def of(self, source: str, key: str, config: Any) -> str:
        """Path of the copy of a file, or of what a URL or a scheme names."""
        if source not in self.paths:
            try:
                tensors = read_tensors(_local(source))
            except (OSError, ImportError, ValueError) as error:
                raise WeightsError(key, config, error) from error
            if source.startswith(f"{MMCLS}://"):
                tensors = _of_backbone(tensors)
            path = self.folder / f"{len(self.paths)}.pth"
            torch.save(tensors, path)
            self.paths[source] = str(path)
        return self.paths[source]


def _local(source: str) -> Path:
    """The local file of a path, a URL, or a name of one of the host's tables."""
    scheme, found, name = source.partition("://")
    if not found:
        return Path(source).expanduser()
    if scheme in ("http", "https"):
        return _downloaded(source)
    if scheme not in TABLES:
        raise ValueError(
            f"files of {scheme}:// are not read here: download it, and give its path"
        )
    table = TABLES[scheme]()
    url = table.get(get_deprecated_model_names().get(name, name))
    if url is None:
        raise ValueError(f"{source} is no name of that list")
    if "://" not in url:
        raise ValueError(f"{source} stands for the file {url}: give its path")
    return _downloaded(url)


def _downloaded(url: str) -> Path:
    """The file of a URL in torch's cache, downloaded by one process if it is not."""
    name = Path(urlparse(url).path).name
    path = Path(torch.hub.get_dir(), "checkpoints", name)
    if is_main_process() and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=False)
    barrier()
    return path


def _of_backbone(tensors: dict[str, Any]) -> dict[str, Any]:
    """Weights of the backbone of a classifier, as the host takes them of ``mmcls://``."""
    prefix = "backbone."
    weights = tensors.get("state_dict", tensors)
    found = {key: value for key, value in weights.items() if key.startswith(prefix)}
    return {"state_dict": {k.removeprefix(prefix): v for k, v in found.items()}}
