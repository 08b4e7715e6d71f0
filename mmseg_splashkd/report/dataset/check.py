"""One visit to the doctor: examine a data set, print what was found, write its page."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmseg_splashkd.config.data_check import check_options
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.report.dataset.page import write_dataset_page
from mmseg_splashkd.report.dataset.result import DatasetReport, examine, print_report
from mmseg_splashkd.report.dataset.subject import subject_of_config, subject_of_data


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
    """Examine a data set, print what was found and write its page.

    Args:
        config: Config whose data sets to examine, or else ``table`` or ``data_root``.
        table: Split table.
        data_root: Folder with ``images`` and ``labels``, cut by the default ratios.
        label_coding: Label coding of ``table`` or ``data_root``.
        class_name: The class looked for, by default splash, if there is one.
        fold: Fold of ``table``, by default each.
        fast: Only what needs no pixels.
        out: The page, by default ``work_dirs/checks/<name>.html``.
        allowed: Codes whose errors are meant; ``data_check`` of ``config`` adds to it.
        embargo_seconds: How far apart training and evaluated frames shall be; by
            default what ``data_check`` of ``config`` says.
        cfg_options: Dotted keys of ``config`` to override.

    Raises:
        FileNotFoundError: There is no such config, table or folder.
        ImportError: imagehash is not installed.
        ValueError: Not one of config, table and data_root is given, or it cannot be
            read.
    """
    if sum(source is not None for source in (config, table, data_root)) != 1:
        raise ValueError("give one of a config, --table and --data-root")
    if config is not None and (fold is not None or label_coding != "splash"):
        raise ValueError(
            "a config says its fold and label_coding itself: --cfg-options"
        )
    if config is None and cfg_options:
        raise ValueError("--cfg-options are for a config")
    if config is None:
        subject = subject_of_data(table, data_root, label_coding, fold)
    else:
        cfg = read_config(config, cfg_options)
        subject = subject_of_config(cfg, Path(config).stem)
        options = check_options(cfg)
        allowed = {*allowed, *options.get("allow", ())}
        if embargo_seconds is None:
            embargo_seconds = options.get("embargo_seconds")
    report = examine(subject, fast, allowed, embargo_seconds, class_name)
    print_report(report)
    out = out or Path("work_dirs", "checks", f"{report.title}.html")
    print(write_dataset_page(report, out))
    return report
