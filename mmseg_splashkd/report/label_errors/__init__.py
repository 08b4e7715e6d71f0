"""Probably wrong labels as a table and an HTML page."""

from mmseg_splashkd.report.label_errors.search import search_label_errors

__all__ = ["search_label_errors"]
