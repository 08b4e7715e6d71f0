"""List recorded runs: ``python tools/runs.py work_dirs --csv runs.csv``."""

import argparse


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="List recorded runs.")
    parser.add_argument(
        "work_dirs",
        nargs="+",
        metavar="WORK_DIR",
        help="folder of a run or of several, an old records.jsonl, or a pattern",
    )
    parser.add_argument(
        "--csv", metavar="FILE", help="write a table, one row per run: docs/records.md"
    )
    return parser.parse_args()


def main(work_dirs: list[str], csv: str | None) -> None:
    """Print the runs, or write the table."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.records.store import find_runs
    from mmseg_splashkd.records.table import print_runs, write_csv

    runs = find_runs(work_dirs)
    if csv is None:
        print_runs(runs)
    else:
        write_csv(csv, runs)
        print(f"{len(runs)} runs: {csv}")


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(**vars(parse_args())), "cannot list runs")
