"""A report on experiments: many runs compared on one HTML page."""

from mmseg_splashkd.report.experiments.report import command_line, report_experiments

__all__ = ["command_line", "report_experiments"]
