"""Many sources: a folder for each, a table of all, and a page that links them."""

from mmseg_splashkd.deploy.archive.driver import watch_archive

__all__ = ["watch_archive"]
