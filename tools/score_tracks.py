"""How good are found tracks? ``python tools/score_tracks.py FOUND.csv TRUTH.csv``.

docs/following.md explains the figures. Exit status: 2 if tracks cannot be scored.
"""

import argparse

from arm_arguments import add_arm_names, add_arm_output


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Score the tracks of splashes against true tracks: identity "
        "switches, fragmentations, ID precision and recall, MOTA and HOTA."
    )
    parser.add_argument(
        "tables",
        nargs="+",
        metavar="TABLE",
        help="tracks.csv of tools/watch.py --follow, one arm each, and last the table "
        "of the true tracks: the bursts.csv of a drawn farm, or any with the columns "
        "time_ns, track, x0, y0, x1 and y1",
    )
    add_arm_names(parser)
    parser.add_argument(
        "--rows",
        metavar="FILE",
        help="rows.csv of tools/watch.py: score only frames that it has (default: all)",
    )
    parser.add_argument(
        "--overlap",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="least intersection over union of a found and a true box (default: 0.5)",
    )
    add_arm_output(parser)
    return parser.parse_args()


def main() -> None:
    """Score the tracks, and print a table."""
    options = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.tracks import compare_tracks

    compare_tracks(**options)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot score tracks", 2)
