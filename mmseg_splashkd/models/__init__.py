"""Students, teachers and what joins them."""

from mmseg_splashkd.models import losses
from mmseg_splashkd.models.distill_segmentor import DistillSegmentor
from mmseg_splashkd.models.positional_segformer_head import PositionalSegformerHead

__all__ = ["DistillSegmentor", "PositionalSegformerHead", "losses"]
