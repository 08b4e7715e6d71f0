"""Check of a data set: run the checks, print findings, write the page."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmseg_splashkd.config.data_check import check_options
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.report.dataset.page import write_dataset_page
from mmseg_splashkd.report.dataset.result import DatasetReport, examine, print_report
from mmseg_splashkd.report.dataset.source import dataset_of_config, dataset_of_files


def check_dataset(
    config: str | Path | None = None,
    table: str | Path | None = None,
    data_root: str | Path | None = None,
    label_coding: str = "splash",
    class_name: str | None = None,
    fold: int | None = None,
    fast: bool = False,
    out: str | Path | None = None,
    allowed: Collection[str] = (),
    embargo_seconds: float | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> DatasetReport:
    """Check a data set, print the findings and write the page.

    Exactly one of ``config``, ``table`` and ``data_root`` is needed.

    Args:
        config: Config whose data sets are checked.
        table: Split table.
        data_root: Folder with ``images`` and ``labels``, split by the default ratios.
        label_coding: Label coding of ``table`` or ``data_root``: name or YAML file.
        class_name: Focus class; see ``examine`` for the default.
        fold: Fold of ``table``; by default all folds.
        fast: Run only the checks that need no pixels.
        out: The page; by default ``work_dirs/checks/<name>.html``.
        allowed: Codes of errors to report as warnings, in addition to ``data_check`` of
            ``config``.
        embargo_seconds: Required distance between training and evaluated frames in
            seconds; by default that in ``data_check`` of ``config``.
        cfg_options: Dotted keys of ``config`` to override.

    Returns:
        The findings.

    Raises:
        FileNotFoundError: The config, table or folder does not exist.
        ImportError: imagehash is not installed.
        ValueError: Arguments contradict each other, or the source cannot be read.
    """
    if sum(source is not None for source in (config, table, data_root)) != 1:
        raise ValueError("give one of a config, --table and --data-root")
    if config is not None and (fold is not None or label_coding != "splash"):
        raise ValueError(
            "fold and label_coding of a config are set by --cfg-options, not by --fold "
            "and --label-coding"
        )
    if config is None and cfg_options:
        raise ValueError("--cfg-options need a config")
    if config is None:
        dataset = dataset_of_files(table, data_root, label_coding, fold)
    else:
        cfg = read_config(config, cfg_options)
        dataset = dataset_of_config(cfg, Path(config).stem)
        options = check_options(cfg)
        allowed = {*allowed, *options.get("allow", ())}
        if embargo_seconds is None:
            embargo_seconds = options.get("embargo_seconds")
    report = examine(dataset, fast, allowed, embargo_seconds, class_name)
    print_report(report)
    out = out or Path("work_dirs", "checks", f"{report.title}.html")
    print(write_dataset_page(report, out))
    return report
