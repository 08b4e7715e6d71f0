"""An ``init_cfg`` whose weights must fill all of a module."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from mmseg_splashkd.checkpoint import read_tensors
from mmseg_splashkd.models.pretrained.filled import (
    Filled,
    NotFilledError,
    compare,
    is_in,
)
from mmseg_splashkd.models.pretrained.layouts import flat, renamed_for, under
from mmseg_splashkd.models.pretrained.sources import local_file


@WEIGHT_INITIALIZERS.register_module()
class PretrainedWeights:
    """Start a module from weights that fill all of it, or say what they do not.

    Use it as ``init_cfg`` of a backbone or of a whole model. The host's ``Pretrained``
    loads what fits; tools of this package log what that filled. This one is an error if
    a parameter, or a statistic of a normalisation, has no weights. Files are read as
    tensors only, whatever their suffix.

    Args:
        checkpoint: File, folder, URL or name; see ``pretrained.sources.local_file``.
        prefix: Part of the file that is meant, such as ``'backbone'``. Default: all.
        mapping: Beginnings of names in the file (after ``prefix``) and what they are in
            the module, such as ``{'encoder.': 'layers.'}``. Names of SegFormer's
            encoder in transformers, of timm and of efficientnet_lite_pytorch are known.
        new: Parts of the module, by dotted name, that start with random weights, such
            as ``['decode_head.conv_seg']`` for other classes.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        mapping: Mapping[str, str] | None = None,
        new: Sequence[str] = (),
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.mapping = dict(mapping or {})
        self.new = [new] if isinstance(new, str) else list(new)

    def __call__(self, module: nn.Module) -> None:
        """Fill a module.

        Raises:
            ValueError: The file cannot be read, or does not fill the module.
            OSError: It does not exist, or cannot be downloaded.
            ImportError: The library or package of its name is not installed.
        """
        content = read_tensors(local_file(self.checkpoint))
        tensors = self.tensors_for(module, content)
        _initialise_parts(module)
        own = module.state_dict()
        module.load_state_dict(
            {
                name: value
                for name, value in tensors.items()
                if name in own and value.shape == own[name].shape
            },
            strict=False,
        )
        self.check(module, tensors)

    def tensors_for(
        self, module: nn.Module, content: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Tensors of a file by the names of a module.

        Args:
            module: The module.
            content: What the file holds.

        Raises:
            ValueError: ``prefix``, a key of ``mapping`` or a part in ``new`` names
                nothing.
        """
        tensors = under(flat(content), self.prefix)
        for begins, becomes in self.mapping.items():
            if not any(name.startswith(begins) for name in tensors):
                raise ValueError(f"mapping: {begins!r} begins no name in the file")
            tensors = {
                becomes + name.removeprefix(begins)
                if name.startswith(begins)
                else name: value
                for name, value in tensors.items()
            }
        for part in self.new:
            if not any(is_in(name, [part]) for name in module.state_dict()):
                raise ValueError(f"new: {part!r} is no part of {_kind(module)}")
        tensors = renamed_for(module, tensors) or tensors
        return {n: value for n, value in tensors.items() if not is_in(n, self.new)}

    def check(self, module: nn.Module, tensors: Mapping[str, Tensor]) -> Filled:
        """Compare a module that has been started with the tensors for it.

        Raises:
            NotFilledError: Some of the module is not filled.
        """
        filled = compare(module, tensors, self.new)
        if filled.number < filled.total:
            raise NotFilledError(
                f"they do not fill {_kind(module)}: {filled}. Name the part of the "
                f"file by prefix, other names by mapping, what may be random by new, "
                f"or take what fits by type='Pretrained'"
            )
        return filled


def _kind(module: nn.Module) -> str:
    return type(module).__name__


def _initialise_parts(module: nn.Module) -> None:
    """Initialise the parts of a module, before weights fill them.

    mmengine initialises them after the module, unless its initializer is that of
    ``Pretrained``: a part such as ``ConvModule`` would then be random again.
    """
    for part in module.children():
        if hasattr(part, "init_weights") and not getattr(part, "is_init", False):
            part.init_weights()  # type: ignore[operator]
            part.is_init = True  # type: ignore[assignment]
