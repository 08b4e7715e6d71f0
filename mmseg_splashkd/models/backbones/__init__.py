"""Parts in front of a backbone."""

from mmseg_splashkd.models.backbones.channel_adapter import ChannelAdapter

__all__ = ["ChannelAdapter"]
