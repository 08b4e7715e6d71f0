"""Labels that are probably wrong, as a table and as a page of pictures."""

from mmseg_splashkd.report.label_errors.search import search_label_errors

__all__ = ["search_label_errors"]
