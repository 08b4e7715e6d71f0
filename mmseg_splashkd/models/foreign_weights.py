"""Lets the host initialise models from files without running the code in them.

The host loads ``init_cfg=dict(type="Pretrained", checkpoint=...)`` by unpickling, where
a refused file is loaded again without protection, and some backbones do so themselves
to rename keys. So each file is read here first, by the closed reader, and the host gets
a copy that holds nothing but its tensors, by the names of the module where they are
known. What it does with them stays as it is; what of the module they filled is logged.
"""

import copy
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmseg_splashkd.checkpoint import SUFFIX, not_finite, read_tensors
from mmseg_splashkd.models.pretrained.filled import NotFilledError, compare
from mmseg_splashkd.models.pretrained.initializer import PretrainedWeights
from mmseg_splashkd.models.pretrained.layouts import flat, renamed_for, under
from mmseg_splashkd.models.pretrained.sources import CLASSIFIERS, PICKLES, local_file

OTHER_READERS = ("init_cfg", "pretrained", "teacher_checkpoint")
# Arguments of constructors that load a file, of any suffix, and suffixes of such files.
LOADED = ("checkpoint", "checkpoint_path", "class_embed_path", "file")


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
            code; afterwards: it filled nothing of its module, or not all of a module
            that has ``PretrainedWeights``.
    """
    kept, starts = [], []
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
                for owner, argument, place in _places(safe, is_loaded=_is_checkpoint):
                    if "override" in place:
                        owner[argument] = copies.of(owner[argument], key, config)
                    else:
                        starts.append(_Start(module, owner, key, config, copies))
                kept.append((module, config))
                module.init_cfg = safe  # type: ignore[assignment]
            yield
            for start in starts:
                start.report()
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


class _Start:
    """A module and the weights that it starts from.

    Args:
        module: The module.
        owner: Its ``init_cfg``, or an element of it; changed in place, to a
            ``Pretrained`` that names a copy.
        key: Dotted key of the ``init_cfg``, for errors.
        config: The ``init_cfg`` as the user wrote it, for errors.
        copies: Of all files.
    """

    def __init__(
        self, module: nn.Module, owner: Any, key: str, config: Any, copies: "_Copies"
    ) -> None:
        self.module, self.key, self.config = module, key, config
        self.source = owner["checkpoint"]
        self.strict = _strict(owner)
        content = copies.content(self.source, key, config)
        self.tensors = flat(content)
        if self.strict:
            with _naming(key, config):
                self.tensors = self.strict.tensors_for(module, content)
            owner.clear()
            owner.update(type="Pretrained", checkpoint=copies.write(self.tensors))
            return
        prefix = owner.get("prefix")
        with _naming(key, config):
            self.tensors = under(self.tensors, prefix)
        if (renamed := renamed_for(module, self.tensors)) is None:
            owner["checkpoint"] = copies.of(self.source, key, config)
            return
        self.tensors = renamed
        owner.pop("prefix", None)
        owner["checkpoint"] = copies.write(renamed)

    def report(self) -> None:
        """Log what of the module is filled.

        Raises:
            WeightsError: It is nothing, or, for ``PretrainedWeights``, not all.
        """
        kind = type(self.module).__name__
        with _naming(self.key, self.config):
            if self.strict:
                filled = self.strict.check(self.module, self.tensors)
            else:
                filled = compare(self.module, self.tensors)
            if filled.nothing:
                raise NotFilledError(f"they fill nothing of {kind}: {filled}")
        random = ", ".join(self.strict.new) if self.strict else ""
        random = random and f"; random: {random}"
        print_log(
            f"{self.key}: {kind} starts from {self.source}: {filled}{random}",
            logger="current",
            level=logging.INFO if filled.number == filled.total else logging.WARNING,
        )


def _strict(owner: Mapping[str, Any]) -> PretrainedWeights | None:
    """The ``PretrainedWeights`` that a config builds; None if it is of another type."""
    kind = owner.get("type")
    initializer = WEIGHT_INITIALIZERS.get(kind) if isinstance(kind, str) else kind
    if not (
        isinstance(initializer, type) and issubclass(initializer, PretrainedWeights)
    ):
        return None
    return WEIGHT_INITIALIZERS.build(dict(owner))


@contextmanager
def _naming(key: str, config: Any) -> Iterator[None]:
    try:
        yield
    except (OSError, ImportError, ValueError) as error:
        raise WeightsError(key, config, error) from error


class _Copies:
    """Tensors of files, each read once, and copies of them.

    Args:
        folder: Of the copies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[str, dict[str, Any]] = {}
        self.paths: dict[str, str] = {}

    def content(self, source: str, key: str, config: Any) -> dict[str, Any]:
        """What a file holds, or what a URL or a scheme names."""
        if source not in self.contents:
            with _naming(key, config):
                content = read_tensors(local_file(source))
                _check_finite(content)
            if source.startswith(CLASSIFIERS):
                content = _of_backbone(content)
            self.contents[source] = content
        return self.contents[source]

    def of(self, source: str, key: str, config: Any) -> str:
        """Path of the copy of a file, or of what a URL or a scheme names."""
        if source not in self.paths:
            self.paths[source] = self.write(self.content(source, key, config))
        return self.paths[source]

    def write(self, content: Mapping[str, Any]) -> str:
        """Write a copy, and return its path."""
        path = self.folder / f"{len(list(self.folder.iterdir()))}.pth"
        torch.save(dict(content), path)
        return str(path)


def _check_finite(content: Mapping[str, Any]) -> None:
    if names := not_finite(flat(content)):
        raise ValueError(
            f"{len(names)} tensors hold NaN or infinite values, such as {names[0]}: "
            f"the run that wrote them diverged"
        )


def _of_backbone(tensors: dict[str, Any]) -> dict[str, Any]:
    """Weights of the backbone of a classifier, as the host takes them of ``mmcls://``."""
    prefix = "backbone."
    weights = tensors.get("state_dict", tensors)
    own = {key: value for key, value in weights.items() if key.startswith(prefix)}
    return {"state_dict": {k.removeprefix(prefix): v for k, v in own.items()}}
