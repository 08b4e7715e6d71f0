"""A video, a camera or a folder of frames becomes a table with a row a frame."""

from mmseg_splashkd.deploy.watch.rows import Row, read_rows

__all__ = ["Row", "read_rows"]
