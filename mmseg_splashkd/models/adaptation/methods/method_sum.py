"""Several methods of adaptation in one training."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mmengine.model import ModuleList
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.adaptation.methods.method import AdaptationMethod, Step


@MODELS.register_module()
class MethodSum(AdaptationMethod):
    """Add the losses of several methods, such as those of MinEnt and AdvEnt.

    ADVENT (Vu et al., CVPR 2019, table 1) adds the predictions of two networks instead.
    What is predicted of the target is computed once for those methods that take it as
    it is, such as these two.

    Args:
        methods: Configs of two or more methods of different kinds; each has its own
            factors.

    Raises:
        ValueError: There are fewer, or two of one kind, whose losses have one name, or
            one is a sum.
    """

    def __init__(self, methods: Sequence[dict]) -> None:
        super().__init__()
        built: list[Any] = [MODELS.build(each) for each in methods]
        kinds = sorted(type(each).__name__ for each in built)
        if any(isinstance(each, MethodSum) for each in built):
            raise ValueError("methods has a MethodSum: name its methods in this one")
        if len(built) < 2:
            raise ValueError(
                f"methods has {len(built)}: give two or more, or one as model.method"
            )
        twice = [one for one, other in pairwise(kinds) if one == other]
        if twice:
            raise ValueError(
                f"methods has more than one {twice[0]}: their losses have one name"
            )
        self.methods: Any = ModuleList(built)

    def bind(self, network: EncoderDecoder) -> None:
        """Let each method build what depends on the network."""
        for each in self.methods:
            each.bind(network)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Losses and figures of all methods."""
        return {
            name: loss for each in self.methods for name, loss in each(step).items()
        }
