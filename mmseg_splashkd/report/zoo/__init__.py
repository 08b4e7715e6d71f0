"""The zoo: what the network of each config costs."""

from mmseg_splashkd.report.zoo.metafiles import check_metafiles, fill_metafiles
from mmseg_splashkd.report.zoo.page import write_zoo
from mmseg_splashkd.report.zoo.zoo import Settings

__all__ = ["Settings", "check_metafiles", "fill_metafiles", "write_zoo"]
