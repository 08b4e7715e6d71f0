"""Train every ratio, fold and seed: ``python tools/sweep.py CONFIG --grid ...``.

docs/sweeps.md says how to stop, go on, and work on one sweep from several machines.
"""

import argparse
import sys

from mmengine.config import DictAction

from mmseg_splashkd.sweep.assignments import parse_grid, parse_space
from mmseg_splashkd.sweep.run import join_sweep, run_sweep
from mmseg_splashkd.sweep.spec import SweepSpec


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train every ratio, fold and seed, or search for the best.",
        epilog="The same command goes on with a sweep that was stopped or killed.",
    )
    _add_question(parser.add_argument_group("what to run"))
    _add_teacher(parser.add_argument_group("who teaches"))
    _add_work(parser.add_argument_group("who works, and where"))
    args = parser.parse_args()
    if bool(args.configs) == bool(args.join):
        parser.error("give either configs or --join DIR")
    return args


def _add_question(group: argparse._ArgumentGroup) -> None:
    group.add_argument("configs", nargs="*", help="config files")
    group.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="KEY=V1,V2",
        help="values of config keys, such as teacher_ratio=0,0.25,0.5,0.75,1",
    )
    group.add_argument("--folds", type=int, help="folds of the config's split table")
    group.add_argument("--seeds", type=int, help="seeds 0 to N - 1; that of the config")
    group.add_argument("--baseline", metavar="CONFIG", help="plain student, run once")
    group.add_argument("--search", choices=["random", "tpe"], help="instead of a grid")
    group.add_argument(
        "--space",
        nargs="+",
        default=[],
        metavar="KEY=LOW..HIGH",
        help="what it searches, such as lr=1e-4..1e-2:log, or KEY=A,B",
    )
    group.add_argument("--trials", type=int, help="points of a search")
    group.add_argument("--metric", help="to search by and to show, such as Dice.splash")
    group.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        default={},
        metavar="KEY=VALUE",
        help="override config keys of all runs that have them, teachers too",
    )


def _add_teacher(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--teacher", metavar="CONFIG", help="trained once a fold")
    group.add_argument(
        "--teacher-checkpoint",
        metavar="PATTERN",
        help="existing teachers instead, {fold} standing for the fold",
    )
    group.add_argument(
        "--cache-views",
        type=int,
        metavar="N",
        help="let a teacher answer N views of each frame, once for all runs",
    )


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--out", help="folder; work_dirs/sweep_<config>_<MMDD>")
    group.add_argument("--join", metavar="DIR", help="work on the sweep of a folder")
    group.add_argument("--storage", metavar="URL", help="sqlite:///<folder>/sweep.db")
    group.add_argument("--workers", type=int, help="runs at once; one a GPU, or one")
    group.add_argument("--devices", nargs="+", metavar="GPU", help="one a worker")
    group.add_argument(
        "--no-predictions",
        dest="predictions",
        action="store_false",
        help="keep no label maps",
    )
    group.add_argument(
        "--keep-checkpoints",
        dest="checkpoints",
        action="store_true",
        help="keep what a run that is done could be resumed from, beside its weights",
    )


def main() -> int:
    """Begin, join or go on."""
    args = parse_args()
    work = (args.storage, args.workers, args.devices)
    if args.join:
        return join_sweep(args.join, *work)
    spec = SweepSpec(
        configs=tuple(args.configs),
        grid=parse_grid(args.grid),
        search=args.search,
        space=parse_space(args.space),
        trials=args.trials,
        metric=args.metric,
        folds=args.folds,
        seeds=args.seeds,
        baseline=args.baseline,
        teacher=args.teacher,
        teacher_checkpoint=args.teacher_checkpoint,
        cache_views=args.cache_views,
        cfg_options=args.cfg_options,
        predictions=args.predictions,
        checkpoints=args.checkpoints,
    )
    return run_sweep(spec, args.out, *work)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImportError, OSError, ValueError) as error:
        print(f"cannot sweep: {error}", file=sys.stderr)
        sys.exit(2)
