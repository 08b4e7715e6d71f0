"""Train a model: ``python tools/train.py configs/kd/segformer_b0_kd_pe001.py``.

Every run writes a record in its work directory: docs/records.md. A signal ends a
run after its step, with a checkpoint that --resume continues from; the exit status is
then 130 (Ctrl-C), 143 (SIGTERM), 129 (SIGHUP) or 138 (SIGUSR1).
"""

import argparse

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--resume", action="store_true", help="continue this run")
    parser.add_argument(
        "--amp",
        action="store_true",
        help="mixed precision; on a CPU bfloat16, see docs/speed.md",
    )
    parser.add_argument(
        "--name", help="name of the run; config, day and teacher_ratio by default"
    )
    parser.add_argument(
        "--work-dir", help="folder of the run (default: work_dirs/NAME)"
    )
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override config keys, such as model.distill_loss.teacher_ratio=0.25; "
        "data_root applies to all data",
    )
    return parser.parse_args()


def main(options: dict) -> int:
    """Train, and print the work directory; return the exit status."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.hooks.stop_request import Terminated
    from mmseg_splashkd.runs.train import train

    options["cfg_options"] = parse_options(options["cfg_options"])
    try:
        work_dir = train(**options)
    except Terminated as stopped:  # train has said how to go on
        return stopped.exit_code
    print(f"Checkpoints, weights and log: {work_dir}")
    return 0


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot train")
