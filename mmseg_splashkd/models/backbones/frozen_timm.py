"""A backbone of timm whose first stages stay as they were pretrained."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import MODELS
from mmseg.utils import OptMultiConfig
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_splashkd.extras import import_extra


@MODELS.register_module()
class FrozenTIMMBackbone(TIMMBackbone):
    """``TIMMBackbone`` that can freeze stages and statistics, as ``ResNet`` can.

    Any encoder of timm with ``features_only``. The stages are the feature maps of the
    encoder, all of them, whatever ``out_indices`` says.

    Args:
        model_name: Name in timm, such as ``'tf_efficientnet_lite0'``.
        frozen_stages: Number of stages k, from the first one, that are not trained: all
            up to feature map k - 1, in eval mode and without gradients; 0: the stem,
            before the first map; default -1: none.
        norm_eval: Whether all batch norms use the statistics of the weights they start
            from, and keep them; their scales and offsets are trained. Default False.
        in_channels: Number of channels of the images; default 3.
        pretrained: Whether timm downloads its weights; default False: ``init_cfg``
            names them, such as ``PretrainedWeights`` with ``timm://<model_name>``.
        out_indices: Indices of the feature maps that are returned; default all.
        init_cfg: Weights to start from.
        **kwargs: Other arguments of ``timm.create_model``, such as ``drop_path_rate``.

    Raises:
        ImportError: timm is not installed.
        ValueError: ``frozen_stages`` is more than the encoder has, or its stages are no
            modules one after the other.
    """

    def __init__(
        self,
        model_name: str,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        in_channels: int = 3,
        pretrained: bool = False,
        out_indices: Sequence[int] | None = None,
        init_cfg: OptMultiConfig = None,
        **kwargs: Any,
    ) -> None:
        import_extra("timm", f"backbones such as model_name={model_name!r}", "timm")
        if out_indices is not None:
            kwargs["out_indices"] = tuple(out_indices)
        super().__init__(
            model_name,
            features_only=True,
            pretrained=pretrained,
            in_channels=in_channels,
            init_cfg=init_cfg,
            **kwargs,
        )
        self.norm_eval = norm_eval
        frozen = self._modules_of(frozen_stages)
        for module in frozen:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad = False
        self.frozen = [module for module in frozen if not _is_open(module, frozen)]

    def _modules_of(self, stages: int) -> list[nn.Module]:
        """The modules of the stem and of the first stages, in order of execution."""
        info = self.timm_model.feature_info.info
        if not -1 <= stages <= len(info):
            raise ValueError(
                f"frozen_stages={stages}: {type(self.timm_model).__name__} has "
                f"{len(info)} stages, of reductions "
                f"{[each['reduction'] for each in info]}: choose -1 to {len(info)}"
            )
        if stages < 0:
            return []
        end = info[max(stages - 1, 0)]["module"]
        # Classes of timm give the module of a map one of these names.
        ends = (end, end.replace(".", "_"), f"model.{end}")
        modules, reached = [], False
        for name, module in self.timm_model.named_modules():
            inside = name in ends or name.startswith(tuple(f"{each}." for each in ends))
            if (inside and stages == 0) or (reached and not inside):
                return modules
            reached = inside
            modules.append(module)
        if not reached:
            kind = type(self.timm_model).__name__
            raise ValueError(
                f"frozen_stages={stages}: no module of {kind} ends at its feature map "
                f"{end!r}: choose -1, or lr_mult=0 of paramwise_cfg"
            )
        return modules

    def train(self, mode: bool = True) -> "FrozenTIMMBackbone":
        """Set the mode; what is frozen stays in eval mode."""
        super().train(mode)
        for module in self.frozen:
            module.training = False
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.training = False
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, C_i, h_i, w_i) of images (B, C, H, W)."""
        return super().forward(images)


def _is_open(module: nn.Module, frozen: list[nn.Module]) -> bool:
    """Whether some of a module is not frozen, as of a container of all stages."""
    ids = {id(each) for each in frozen}
    return any(id(each) not in ids for each in module.modules())
