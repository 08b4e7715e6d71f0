"""How good are found events? ``python tools/score_events.py FOUND.csv TRUTH.csv``.

docs/events.md explains the figures. Exit status: 2 if events cannot be scored.
"""

import argparse

from arm_arguments import add_arm_names, add_arm_output
from event_arguments import add_event_settings, pop_event_settings


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Score events of splash against true events, by overlap in time.",
        epilog="Quote a pattern that names several tables of one arm, such as "
        "'events/*.csv'.",
    )
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="TABLE",
        help="tables of found events, one arm each, and last the table of the true "
        "ones: the events.csv of a drawn farm, or any with the columns recording, "
        "start and end",
    )
    parser.add_argument(
        "--scores",
        nargs="+",
        default=(),
        metavar="FILE",
        help="scores files of tests (.npz), one arm each: events are found in their "
        "predictions and in their labels",
    )
    add_arm_names(parser)
    parser.add_argument(
        "--hours",
        type=float,
        help="observed time of each table in hours, for false alarms per hour; scores "
        "have theirs",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="seconds by which true events are widened when overlap is looked for "
        "(default: 0)",
    )
    parser.add_argument(
        "--block",
        metavar="LENGTH",
        help="length of a block for the intervals of --scores, such as 60s or 50f "
        "(default: recordings, or 1.3 sqrt(frames) where there are few)",
    )
    add_event_settings(parser, " of --scores")
    add_arm_output(parser)
    return parser.parse_args()


def main() -> None:
    """Score the events, and print tables."""
    options = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.events import compare_events, settings_of

    given = pop_event_settings(options)
    compare_events(**options, settings=settings_of(**given))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot score events", 2)
