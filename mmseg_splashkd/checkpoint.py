"""Reads checkpoints without running their code, and writes weights as tensors only.

A checkpoint is a pickle, and unpickling can run code. mmengine's checkpoints hold log
buffers beside the tensors, so ``torch.load(weights_only=True)`` refuses them, and a
plain load runs any code they contain. They are read by ``foreign.closed_pickle``.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmseg_splashkd.files import whole_file
from mmseg_splashkd.foreign import check_archive, one_line, parse_json, reading
from mmseg_splashkd.foreign.closed_pickle import RefusedError, read_pickled
from mmseg_splashkd.limits import EXPANDED, HEADER, RECORDS

SUFFIX = ".safetensors"
TIED = 4  # names that one tensor may have, in the mean: weights may be tied
SAFE_TORCH = (2, 6)  # older ones run code in files that they call safe


def find_checkpoint(pattern: str | None, argument: str = "checkpoint") -> Path:
    """Resolve a path, or a pattern such as ``work_dirs/teacher_*/*_best.safetensors``.

    Args:
        pattern: File name; ``*`` and ``?`` are wildcards.
        argument: Name of the argument, for the error.

    Returns:
        The only file that matches.

    Raises:
        ValueError: The pattern is empty, a URL or a folder, or several files match.
        FileNotFoundError: No file matches.
    """
    if not pattern or Path(pattern).is_dir():
        raise ValueError(
            f"{argument}={pattern!r} names no file: it takes the weights of a finished "
            f"run, such as work_dirs/<run>/weights_<run>_best{SUFFIX}"
        )
    if "://" in pattern:
        raise ValueError(
            f"{argument}={pattern!r} is a URL, and nothing is downloaded here, because "
            f"the file could hold code: download it, and give the path of the file"
        )
    exact = Path(pattern)
    root = Path(exact.anchor)
    matches = root.glob(str(exact.relative_to(root)))
    found = [exact] if exact.is_file() else sorted(filter(Path.is_file, matches))
    if not found:
        raise FileNotFoundError(
            f"{argument}={pattern!r} does not exist (relative to {Path.cwd()}): train "
            f"it first with tools/train.py, or name another file"
        )
    if len(found) > 1:
        listed = "\n  ".join(map(str, found))
        raise ValueError(
            f"{argument}={pattern!r} matches several files, name one:\n  {listed}"
        )
    return found[0]


def read_checkpoint(
    path: str | Path, map_location: Any = "cpu", own: bool = False
) -> dict[str, Any]:
    """Read a ``.safetensors`` file or a checkpoint of mmengine without running code.

    Args:
        path: The file.
        map_location: Device for the tensors, as in ``torch.load``.
        own: Whether the user's own run wrote the file, which torch < 2.6 may read.

    Returns:
        A dict with at least ``state_dict`` and ``meta``. The training config that
        mmengine evaluates as Python on resume (``meta['config']``) is left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is not a checkpoint, would run code, or is a
            pickle from elsewhere and torch is older than 2.6.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    with reading(path, "checkpoint"):
        if path.suffix == SUFFIX:
            return _read_safetensors(path, map_location)
        if not own:
            _check_torch(path)
        checkpoint = _read_pickle(path, map_location)
        if "state_dict" not in checkpoint:
            checkpoint = {"state_dict": checkpoint}
        if not isinstance(checkpoint["state_dict"], Mapping):
            raise ValueError("its state_dict holds no tensors by name")
        meta = {k: v for k, v in checkpoint.get("meta", {}).items() if k != "config"}
        return {**checkpoint, "meta": meta}


def load_from_safetensors(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Let ``mmengine.runner.load_checkpoint`` read exported weights with their meta.

    ``mmseg.apis.init_model`` takes names and colours of the classes from it.

    Args:
        filename: A ``.safetensors`` file.
        map_location: Device of the tensors, such as ``'cuda:0'``; default: the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or beyond a limit.
    """
    return read_checkpoint(Path(filename).expanduser(), map_location or "cpu")


CheckpointLoader.register_scheme(r".*\.safetensors$", load_from_safetensors)


def read_tensors(path: str | Path) -> dict[str, Any]:
    """Read the tensors of a file as they lie in it, without running code.

    Args:
        path: A ``.safetensors`` file, a checkpoint, or a pickle of tensors by name.

    Returns:
        Tensors by name, or, as in the file, under ``state_dict`` or ``model``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is not a checkpoint, or would run code.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    with reading(path, "checkpoint"):
        if path.suffix == SUFFIX:
            content = _read_safetensors(path, "cpu")
        else:
            _check_torch(path)
            content = _read_pickle(path, "cpu")
    weights = {key: content[key] for key in ("state_dict", "model") if key in content}
    return weights or content


def _read_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    with path.open("rb") as file:
        HEADER.check(int.from_bytes(file.read(8), "little"), path)
    try:
        with safe_open(path, framework="pt") as file:
            names, metadata = list(file.keys()), file.metadata() or {}
            RECORDS.check(len(names), path)
            tensors = {name: file.get_tensor(name).to(map_location) for name in names}
    except SafetensorError as error:
        raise ValueError(f"checkpoint {path} is damaged: {error}") from error
    meta = parse_json(metadata.get("meta", "{}"))
    if not isinstance(meta, dict):
        raise ValueError(f"its metadata are {type(meta).__name__}, not an object")
    return {"state_dict": tensors, "meta": meta}


def _check_torch(path: Path) -> None:
    """Refuse pickles from elsewhere where torch's reader has known holes."""
    if torch.__version__ < SAFE_TORCH:  # type: ignore[operator]  # it compares tuples
        raise ValueError(
            f"checkpoint {path} is a pickle, and torch {torch.__version__} cannot read "
            f"one from elsewhere safely (CVE-2025-32434): use weights as {SUFFIX}, or "
            f"torch >= {'.'.join(map(str, SAFE_TORCH))}"
        )


def _read_pickle(path: Path, map_location: Any) -> dict[str, Any]:
    _check_size(path)
    try:
        checkpoint = read_pickled(path, map_location)
    except RefusedError as error:
        raise ValueError(
            f"checkpoint {path} was refused, because it may run code: {error}. Ask for "
            f"its weights as {SUFFIX}, or convert it on a machine where it may run: "
            f"safetensors.torch.save_file(torch.load(path)['state_dict'], 'w{SUFFIX}')"
        ) from error
    except Exception as error:  # a damaged file raises all kinds of exceptions
        raise ValueError(
            f"checkpoint {path} is damaged or not written by torch: "
            f"{one_line(str(error))}"
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f"checkpoint {path} holds a {type(checkpoint).__name__}")
    _check_tensors(checkpoint, path)
    return dict(checkpoint)


def _check_size(path: Path) -> None:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, path)


def _check_tensors(checkpoint: Mapping[Any, Any], path: Path) -> None:
    """Refuse tensors that are much larger than their file: a copy needs that memory.

    One value of a file may stand for any number of a tensor.
    """
    size, seen, open_ = 0, set(), [checkpoint]
    while open_:
        value = open_.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            size += value.numel() * value.element_size()
        elif isinstance(value, Mapping):
            open_ += value.values()
        elif isinstance(value, list | tuple | set):
            open_ += value
    if size > TIED * path.stat().st_size:
        EXPANDED.check(size, path)


def write_weights(
    state_dict: Mapping[str, Tensor], path: str | Path, meta: Mapping[str, Any]
) -> None:
    """Write tensors, without executable content, to a ``.safetensors`` file.

    Tensors that share memory (tied weights) are written once per name, so that the file
    loads strictly.

    Args:
        state_dict: Weights by name.
        path: The file, which is written atomically.
        meta: JSON values, such as ``{'dataset_meta': {'classes': [...]}}``.
    """
    tensors = _separate_tensors(state_dict)
    with whole_file(path, sync=True) as partial:
        save_file(tensors, partial, {"format": "pt", "meta": json.dumps(dict(meta))})


def _separate_tensors(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors on the CPU without shared memory, as safetensors requires."""
    tensors: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, value in state_dict.items():
        tensor = value.detach().cpu().contiguous()
        if tensor.untyped_storage().data_ptr() in storages:
            tensor = tensor.clone()
        storages.add(tensor.untyped_storage().data_ptr())
        tensors[name] = tensor
    return tensors


def tensors_sha256(state_dict: Mapping[str, Tensor], separator: str = "\n") -> str:
    """Hash of names, types, shapes and bits of tensors, independent of the file format.

    Args:
        state_dict: Tensors by name, in any order.
        separator: Text between the description of a tensor and its bits. Teacher caches
            of format 1 have none.

    Returns:
        SHA-256, hexadecimal.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(state_dict.items()):
        about = f"{name} {tensor.dtype} {tuple(tensor.shape)}{separator}"
        digest.update(about.encode())
        raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().data)
    return digest.hexdigest()


def not_finite(state_dict: Mapping[str, Any]) -> list[str]:
    """Names of the tensors with NaN or infinite values, as a diverged run leaves them.

    Masks of 0 and -inf, which attention adds to its scores, are not among them.

    Args:
        state_dict: Tensors by name; other values are ignored.
    """
    tensors = {
        name: value
        for name, value in state_dict.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    finite = [value.isfinite().all() for value in tensors.values()]
    if not finite or bool(torch.stack([each.cpu() for each in finite]).all()):
        return []
    return [
        name
        for (name, value), is_finite in zip(tensors.items(), finite, strict=True)
        if not is_finite and not ((value == 0) | value.isneginf()).all()
    ]


def load_strict(
    model: nn.Module, state_dict: Mapping[str, Tensor], source: str
) -> None:
    """Load weights whose keys and shapes are exactly those of ``model``.

    Args:
        model: Any module.
        state_dict: Weights by name; the prefix ``module.`` of a wrapper is removed.
        source: Origin of the weights, for the error.

    Raises:
        RuntimeError: A key is missing or unknown, or a shape differs.
    """
    plain = {key.removeprefix("module."): value for key, value in state_dict.items()}
    try:
        model.load_state_dict(plain, strict=True)
    except RuntimeError as error:
        raise RuntimeError(
            f"{source} does not fit the model. Was it trained with another config?\n"
            f"{error}"
        ) from error
