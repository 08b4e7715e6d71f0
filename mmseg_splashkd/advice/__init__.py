"""Whether distilling is likely to pay: a short look, and the map of what was tried."""

from mmseg_splashkd.advice.advise import advise

__all__ = ["advise"]
