"""What runs left on disk, drawn: a table, pictures, one self-contained HTML page."""

from mmseg_splashkd.report.curves import curves
from mmseg_splashkd.report.frames import choose_frames
from mmseg_splashkd.report.page import write_page
from mmseg_splashkd.report.pictures import hero
from mmseg_splashkd.report.runs import Frame, Run, curve, load_run
from mmseg_splashkd.report.table import print_table

__all__ = [
    "Frame",
    "Run",
    "choose_frames",
    "curve",
    "curves",
    "hero",
    "load_run",
    "print_table",
    "write_page",
]
