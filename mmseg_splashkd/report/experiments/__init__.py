"""Experiments: many runs on one page, and what can be said of them."""

from mmseg_splashkd.report.experiments.report import command_line, report_experiments

__all__ = ["command_line", "report_experiments"]
