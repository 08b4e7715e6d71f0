"""Train every ratio, fold and seed: ``python tools/sweep.py CONFIG --grid ...``.

The same command continues a sweep that was stopped or killed. See docs/sweeps.md.
"""

import argparse


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train every ratio, fold and seed, or search for the best point.",
        epilog="The same command continues a sweep that was stopped or killed.",
    )
    _add_runs(parser.add_argument_group("runs"))
    _add_teacher(parser.add_argument_group("teachers"))
    _add_budget(parser.add_argument_group("time"))
    _add_outputs(parser.add_argument_group("outputs"))
    _add_resources(parser.add_argument_group("resources"))
    return parser.parse_args()


def _add_runs(group: argparse._ArgumentGroup) -> None:
    group.add_argument("configs", nargs="+", help="config files")
    group.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="KEY=V1,V2",
        help="values of config keys, such as teacher_ratio=0,0.25,0.5,0.75,1",
    )
    group.add_argument("--folds", type=int, help="number of folds of the split table")
    group.add_argument(
        "--seeds", type=int, help="number of seeds (default: that of the config)"
    )
    group.add_argument("--baseline", metavar="CONFIG", help="config of a plain student")
    group.add_argument("--search", choices=["random", "tpe"], help="instead of a grid")
    group.add_argument(
        "--space",
        nargs="+",
        default=[],
        metavar="KEY=LOW..HIGH",
        help="ranges of a search, such as lr=1e-4..1e-2:log, or choices KEY=A,B",
    )
    group.add_argument("--trials", type=int, help="number of points of a search")
    group.add_argument(
        "--metric",
        help="metric to optimise and display, such as mIoU (default: save_best of the "
        "config, such as OperatingPoint.Dice)",
    )
    group.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="config keys of all runs and teachers whose config has a place for them",
    )


def _add_teacher(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--teacher", metavar="CONFIG", help="trained once per fold")
    group.add_argument(
        "--teacher-checkpoint",
        metavar="PATTERN",
        help="existing teachers instead, with {fold} in place of the fold",
    )
    group.add_argument(
        "--cache-views",
        type=int,
        metavar="N",
        help="cache the teacher's logits for N views of each frame",
    )


def _add_budget(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--budget",
        choices=["steps", "wall", "both"],
        default="steps",
        help="steps: each run has the iterations of its config (default); wall: each "
        "arm has the time of the dearest one, with its teacher; both: each arm in both",
    )
    group.add_argument(
        "--charge",
        choices=["once", "shared"],
        default="once",
        help="teacher and cache: charged to each run in full (default), or divided "
        "among the runs that use them",
    )
    group.add_argument(
        "--teacher-seconds",
        type=float,
        metavar="S",
        help="time to train each teacher; default: measured, by the record beside it",
    )


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--out", help="folder; default work_dirs/sweep_<config>_<MMDD>")
    group.add_argument(
        "--no-predictions",
        dest="predictions",
        action="store_false",
        help="do not keep predicted label maps",
    )
    group.add_argument(
        "--keep-checkpoints",
        dest="checkpoints",
        action="store_true",
        help="keep the checkpoints of finished runs beside their weights",
    )


def _add_resources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="runs at once on each machine; default one per GPU, or one without GPUs",
    )
    group.add_argument(
        "--gpus-per-run",
        type=float,
        metavar="G",
        help="GPUs per run, default 1; 0.5 lets two runs share a GPU",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="join a Ray cluster, or 'auto'; default: start Ray on this machine",
    )
    group.add_argument(
        "--dashboard", action="store_true", help="serve Ray's dashboard (ray[default])"
    )


def main() -> int:
    """Start or continue a sweep."""
    args = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.sweep.assignments import parse_grid, parse_space
    from mmseg_splashkd.sweep.cluster import Resources
    from mmseg_splashkd.sweep.run import run_sweep
    from mmseg_splashkd.sweep.spec import SweepSpec

    args["cfg_options"] = parse_options(args["cfg_options"])
    names = ("address", "workers", "gpus_per_run", "dashboard")
    resources = Resources(**{name: args.pop(name) for name in names})
    out = args.pop("out")
    args["configs"] = tuple(args["configs"])
    args["grid"], args["space"] = parse_grid(args["grid"]), parse_space(args["space"])
    return run_sweep(SweepSpec(**args), out, resources)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot sweep", 2)
