"""The fast check of a config's data at the start of every run."""

from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.frames import frames_by_part
from mmseg_splashkd.config.label_scan import label_findings
from mmseg_splashkd.config.leaf_coding import leaf_coding
from mmseg_splashkd.config.shared_files import shared_files
from mmseg_splashkd.config.teacher_overlap import overlap_findings
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.config.wrapper_checks import check_evaluated, check_wrappers
from mmseg_splashkd.datasets.checks import Finding, allow_codes, check_parts, of_level
from mmseg_splashkd.datasets.label_coding import LabelCoding

OPTIONS = {"allow", "embargo_seconds"}
NAMED = 10  # errors listed in an exception


def check_data(cfg: Config) -> list[Finding]:
    """Check the data of a config, and raise an error for data that invalidate a run.

    ``data_check = dict(allow=["overlap"], embargo_seconds=30)`` in the config turns
    errors of some codes into warnings (``mmseg_splashkd.datasets.checks.CODES`` lists
    all codes), and sets the minimum distance in time between training and evaluated
    frames.

    For data sets other than ``TimeSplitDataset``, only frames in two parts, the overlap
    with training frames of teachers and labels that show nothing are checked.

    Returns:
        Warnings, for the log.

    Raises:
        ValueError: The data have errors, an evaluated frame would count several times,
            a wrapper cannot wrap its data set, or ``data_check`` has an unknown key or
            code.
    """
    options = check_options(cfg)
    check_wrappers(cfg)
    check_evaluated(cfg, "val_dataloader", "test_dataloader")
    parts = frames_by_part(cfg)
    embargo, focus = options.get("embargo_seconds"), "the focus class"
    found = check_parts(parts, embargo, focus) if parts else []
    found += [*shared_files(cfg), *overlap_findings(cfg)]
    if not of_level(found, "error"):  # such as parts without a frame
        found += label_findings(cfg)
    findings = allow_codes(found, options.get("allow", ()))
    if errors := of_level(findings, "error"):
        raise ValueError(_refusal(errors))
    return of_level(findings, "warning")


def check_tested(cfg: Config) -> list[Finding]:
    """Check the labels of a config for a test, of which only that part is left.

    Returns:
        Warnings, for the log: no frame shows the focus class.

    Raises:
        ValueError: All labels ignore every pixel, so that no score is defined.
    """
    findings = allow_codes(label_findings(cfg), ["no_splash"])
    if errors := of_level(findings, "error"):
        raise ValueError(
            f"{errors[0]}. Correct label_coding or the labels: tools/check_dataset.py "
            f"lists their values"
        )
    return findings


def _refusal(errors: list[Finding]) -> str:
    lines = [f"  {finding}" for finding in errors[:NAMED]]
    if len(errors) > NAMED:
        lines.append(f"  and {len(errors) - NAMED} more")
    codes = sorted({finding.code for finding in errors})
    return (
        "the data check found errors:\n" + "\n".join(lines) + "\n"
        f"tools/check_dataset.py lists all. To train anyway, set "
        f"data_check = dict(allow={codes})"
    )


def check_options(cfg: Config) -> dict[str, Any]:
    """``data_check`` of a config.

    Raises:
        ValueError: It has an unknown key.
    """
    options = dict(cfg.get("data_check") or {})
    if unknown := sorted(options.keys() - OPTIONS):
        raise ValueError(
            f"data_check has unknown keys {unknown}; the keys are {sorted(OPTIONS)}"
        )
    return options


def coding_of(cfg: Config) -> LabelCoding:
    """The common label coding of all data sets of a config.

    Raises:
        ValueError: A data set has no class names, or their codings differ.
    """
    codings = [leaf_coding(leaf) for leaf in loader_leaves(cfg)]
    if any(coding != codings[0] for coding in codings):
        raise ValueError("the data sets of the config differ in label_coding")
    return codings[0]
