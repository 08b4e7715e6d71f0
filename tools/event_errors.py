"""Errors of events: ``python tools/event_errors.py SCORES.npz --out errors.json``.

docs/error_bars.md. Exit status: 2 if they cannot be computed.
"""

import argparse

from event_arguments import add_event_settings, pop_event_settings


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare the events of predictions with those of labels, and keep "
        "the errors, with which tools/watch.py --errors corrects events and gives them "
        "intervals.",
    )
    parser.add_argument(
        "scores",
        metavar="SCORES.npz",
        help="scores file of frames that chose neither weights nor threshold",
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE.json", help="file to write"
    )
    parser.add_argument(
        "--block",
        help="length of a block, within which errors are alike: 10 (frames) or 1800s "
        "(default: a recording where there are five or more, else "
        "1.3 sqrt(N) frames)",
    )
    add_event_settings(parser)
    return parser.parse_args()


def main(options: dict) -> None:
    """Write the errors, and print what they are."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.event_errors import write_errors
    from mmseg_splashkd.report.events import settings_of

    settings = settings_of(**pop_event_settings(options))
    write_errors(**options, settings=settings)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot compute errors of events", 2)
