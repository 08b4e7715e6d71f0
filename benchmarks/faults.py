"""Kill runs at every step, continue them as a user would, and compare.

    python benchmarks/faults.py
    python benchmarks/faults.py --kills 10 --kinds save best

A step is an operation on a file of the run. At each, a process is killed before the
operation, or in the middle of the write that precedes it. Further kills come at random
moments, some of them to ``python tools/train.py`` with its start-up. The continued run
must end with the files of one that nobody interrupted, bit by bit: weights, operating
point, scores, record. Results are kept in ``--out``: an interrupted command can be
repeated. The exit status is 1 if a run was lost or differs.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kill_points import Step, Trap, forked, steps_of
from short_runs import short
from warm import leave_warmth, remember_formatting, take_warmth

ROOT = Path(__file__).resolve().parents[1]
PLAIN = ROOT / "configs" / "demo" / "segformer_b0_pond.py"
TEACHER = ROOT / "configs" / "demo" / "segformer_b1_pond.py"
STUDENT = ROOT / "configs" / "demo" / "segformer_b0_kd_pe001_pond.py"
NAME = "run"
BEGUN_AGAIN = 3  # exit status of a continuation that found nothing to resume
# Kinds of steps by the file, the first that matches.
FILES = {
    "best": r"\bbest_",
    "save": r"(iter|epoch)_\d+|last_checkpoint",
    "export": r"weights_",
    "scores": r"scores/",
    "record": r"run\.|train_frames|traceback",
    "log": "",
}
WORKS = {"cache": "cache", "cell": "cell"}  # whose steps are a kind of their own
RANDOM = {"random": ("train", "uneven", "distilled"), "twice": ("train", "uneven")}
REAL = "start-up"
DISTILS = ("distilled", "cache")
KINDS = (*FILES, *WORKS, *RANDOM, REAL)
SHARES = {"random": 0.08, "twice": 0.05, REAL: 0.12}  # of the kills; the rest: steps
# What two records of the same run have in common.
RECORDED = ("name", "status", "seed", "iterations", "iteration", "config_sha256")
RECORDED += ("data", "teacher", "validations", "metrics", "test_metrics", "scores")
RECORDED += ("weights", "experiment", "options")
How = Literal["before", "torn", "moment", "start-up"]


@dataclass(frozen=True)
class Kill:
    """One kill.

    Args:
        kind: Kind, for the table.
        work: What is killed.
        how: ``'before'`` a step, in the middle of the write before it (``'torn'``), at
            a ``'moment'``, or at one of a process with its ``'start-up'``.
        at: Number of the step, from 1; or the moment as a fraction of the duration.
        step: The step in words.
    """

    kind: str
    work: str
    how: How
    at: float
    step: str = ""

    @property
    def key(self) -> str:
        """Names the kill in the file of results."""
        return f"{self.work} {self.how} {self.at:.6g} {self.step}"


@dataclass(frozen=True)
class Result:
    """What became of a killed run.

    Args:
        key: Key of the kill.
        kind: Its kind.
        code: Hash of the code of the package.
        survived: Whether the run went on and ended.
        begun_again: Whether it began again, as it had no checkpoint yet.
        differs: Files, or parts of them, that differ from the uninterrupted run's.
        left: Files that the uninterrupted run does not leave.
        error: Why the run did not go on.
    """

    key: str
    kind: str
    code: str
    survived: bool
    begun_again: bool = False
    differs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Work:
    """Something that can be killed.

    Args:
        start: Does it in a folder.
        again: Continues it as a user would; returns ``BEGUN_AGAIN`` where nothing
            could be resumed.
        result: What must be equal, by name.
    """

    start: Callable[[Path], Any]
    again: Callable[[Path], Any]
    result: Callable[[Path], dict[str, Any]]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=120, help="number of kills (default: 120)"
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, help="default: all"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of kills (default: 0)"
    )
    parser.add_argument(
        "--iterations",
        type=int,
        default=6,
        help="length of the runs; they are validated every second one (default: 6)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("work_dirs/faults"),
        help="folder of the runs and results (default: work_dirs/faults)",
    )
    args = parser.parse_args(argv)
    for name in ("kills", "iterations"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(args, name)}")
    return args


# What is killed


def trained(config: Path, options: dict[str, Any]) -> Work:
    """A training run, continued by ``--resume``."""

    def start(folder: Path, resume: bool = False) -> None:
        from mmseg_splashkd.runs.train import train

        train(config, folder, resume=resume, cfg_options=dict(options), name=NAME)

    def again(folder: Path) -> int | None:
        try:
            return start(folder, resume=True)
        except FileNotFoundError as error:
            if "nothing to resume" not in str(error):
                raise
        shutil.rmtree(folder, ignore_errors=True)
        start(folder)
        return BEGUN_AGAIN

    return Work(start, again, files_of_run)


def cached(options: dict[str, Any]) -> Work:
    """The cache of a teacher, continued by the same command."""

    def start(folder: Path) -> None:
        from mmseg_splashkd.teacher_cache import build_teacher_cache

        cache = {"dir": str(folder / "cache"), "views": 2}
        build_teacher_cache(
            STUDENT, device="cpu", cfg_options=options | {"teacher_cache": cache}
        )

    def result(folder: Path) -> dict[str, Any]:
        paths = (folder / "cache").glob("*.[jn]*")
        return {path.name: sha256(path.read_bytes()) for path in paths}

    return Work(start, start, result)


def cell(options: dict[str, Any]) -> Work:
    """A run of a sweep with its predictions, continued by the same command."""

    def start(folder: Path) -> None:
        from mmseg_splashkd.config.reading import read_config
        from mmseg_splashkd.sweep.keys import config_sha256
        from mmseg_splashkd.sweep.run_job import RunJob

        key = config_sha256(read_config(PLAIN, dict(options)))
        job = RunJob(str(PLAIN), options, folder / NAME, options, key, "mIoU")
        for _ in job():
            pass

    def result(folder: Path) -> dict[str, Any]:
        run = folder / NAME
        maps = sorted(run.glob("predictions/*/**/*.png"))
        names = [path.relative_to(run).as_posix() for path in maps]
        predicted = [sha256(path.read_bytes()) for path in maps]
        test = arrays_of(run / "scores" / "test_last.npz")
        found = files_of_run(run)
        found |= {"predictions": [names, predicted], "scores of the test": test}
        return found

    return Work(start, start, result)


def works_of(out: Path, iterations: int) -> dict[str, Work]:
    """Everything that is killed, by name."""
    data, teacher = out / "pond", out / "teacher"
    distils = short(data, "model.student", "model.teacher", iterations=iterations)
    best = "weights_*_best.safetensors"
    distils["model.teacher_checkpoint"] = str(teacher / best)
    return {
        "teacher": trained(TEACHER, short(data, "model", iterations=2)),
        "train": trained(PLAIN, short(data, "model", iterations=iterations)),
        "uneven": trained(
            PLAIN, short(data, "model", iterations=iterations + 1, every=3)
        ),
        "distilled": trained(STUDENT, distils),
        "cache": cached(distils),
        "cell": cell(short(data, "model", iterations=2)),
    }


# What must be equal, read without the package


def sha256(content: bytes) -> str:
    """Hash of bytes."""
    return hashlib.sha256(content).hexdigest()


def arrays_of(path: Path) -> dict[str, Any] | None:
    """Bits and shapes of the arrays in a file of scores, and what it is about."""
    import numpy as np

    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about, *names = arrays.pop("about").tolist()
    # Two files of the same weights may differ: safetensors sorts no metadata.
    about = json.loads(about) | {"checkpoint_sha256": None}
    bits = {
        name: (str(each.dtype), each.shape, sha256(each.tobytes()))
        for name, each in arrays.items()
    }
    return bits | {"about": [about, names]}


def weights_of(path: Path) -> tuple[dict[str, Any] | None, Any]:
    """Bits of the tensors of a file of weights, and its operating point."""
    from safetensors import safe_open

    if not path.is_file():
        return None, None
    with safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        meta = json.loads((file.metadata() or {}).get("meta", "{}"))
    bits = {
        name: (each.shape, sha256(each.tobytes())) for name, each in tensors.items()
    }
    return bits, {key: meta.get(key) for key in ("iter", "operating_point")}


def files_of_run(folder: Path) -> dict[str, Any]:
    """Weights, operating points, scores and record of a run."""
    found: dict[str, Any] = {}
    for which in ("last", "best"):
        bits, point = weights_of(folder / f"weights_{NAME}_{which}.safetensors")
        scores = arrays_of(folder / "scores" / f"val_{which}.npz")
        found |= {which: bits, f"point of {which}": point, f"scores of {which}": scores}
    path = folder / "run.json"
    record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found | {f"record: {key}": record.get(key) for key in RECORDED}


def steps_logged(folder: Path) -> Counter[int]:
    """Training steps in the logs of a folder, and how often each was taken."""
    lines = [
        json.loads(line)
        # Nothing deeper: other folders come and go while the run is alive.
        for path in folder.glob("*/vis_data/scalars.json")
        for line in path.read_text("utf-8").splitlines()
        if line.endswith("}")
    ]
    return Counter(line["step"] for line in lines if "loss" in line)


def names_in(folder: Path) -> set[str]:
    """Names of the files of a folder, without logs and locks."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {
        path.as_posix()
        for path in paths
        if not re.search(r"\d{8}_\d{6}|(^|\.)lock$|\.log$", path.as_posix())
    }


# One kill after another


class Faults:
    """Kills works and compares what is left.

    Args:
        out: Folder, absolute.
        iterations: Length of the runs.
    """

    def __init__(self, out: Path, iterations: int) -> None:
        self.out, self.works = out, works_of(out, iterations)
        self.iterations = iterations
        self.log, self.notes = out / "output.log", out / "steps.txt"
        self.folder = out / "work"  # of all, as scores name the file of the weights
        self._references: dict[str, tuple[dict[str, Any], set[str]]] = {}
        self._seconds: dict[str, float] = {}
        self._has_teacher = False

    def prepare(self) -> None:
        """Draw the frames."""
        import mmseg_splashkd.runs.train  # noqa: F401 - once, for all forks
        from mmseg_splashkd.datasets.synthetic import draw_pond

        self.out.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        remember_formatting()
        frames = self.out / "pond"
        if not (frames / "frames.csv").is_file():
            shutil.rmtree(frames, ignore_errors=True)
            size = (64, 80)
            self._uninterrupted(
                lambda: draw_pond(frames, frames=31, size=size, progress=False)
            )

    def _uninterrupted(
        self, work: Callable[[], Any], trap: Callable[[], Trap] | None = None
    ) -> None:
        """Run something in a fork, and import here what it has imported."""
        warmth = self.out / "warmth.json"

        def run() -> None:
            work()
            leave_warmth(warmth)

        if forked(run, self.log, trap):
            raise RuntimeError(f"failed without any kill: {self.error()}")
        take_warmth(warmth)

    def _train_teacher(self) -> None:
        teacher = self.works["teacher"]
        shutil.rmtree(self.out / "teacher", ignore_errors=True)
        self._uninterrupted(lambda: teacher.start(self.out / "teacher"))
        self._has_teacher = True

    def reference(self, name: str) -> tuple[dict[str, Any], set[str]]:
        """Result of an uninterrupted work, and its files."""
        if name in DISTILS and not self._has_teacher:
            self._train_teacher()
        if name not in self._references:
            work, folder, notes = self.works[name], self.folder, self.notes_of(name)
            shutil.rmtree(folder, ignore_errors=True)
            self._uninterrupted(lambda: work.start(folder), lambda: Trap(folder, notes))
            self._references[name] = work.result(folder), names_in(folder)
        return self._references[name]

    def seconds(self, name: str) -> float:
        """Duration of a work whose modules are imported."""
        self.reference(name)
        if name not in self._seconds:
            begin = time.monotonic()
            shutil.rmtree(self.folder, ignore_errors=True)
            self._uninterrupted(lambda: self.works[name].start(self.folder))
            self._seconds[name] = time.monotonic() - begin
        return self._seconds[name]

    def notes_of(self, name: str) -> Path:
        """File with the steps of the uninterrupted work."""
        return self.out / f"steps_{name}.txt"

    def steps(self, name: str) -> list[Step]:
        """Steps of a work."""
        self.reference(name)
        return steps_of(self.notes_of(name))

    def error(self) -> str:
        """The last line of the log."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() or [""]
        return lines[-1]

    def result(self, kill: Kill, code: str) -> Result:
        """Kill a work, continue it, and compare."""
        expected, names = self.reference(kill.work)
        if kill.how == "moment":
            self.seconds(kill.work)
        folder = self.folder
        shutil.rmtree(folder, ignore_errors=True)
        result = Result(kill.key, kill.kind, code, survived=False)
        self.log.write_bytes(b"")
        self._kill(kill, folder)
        saved = any(folder.rglob("last_checkpoint"))
        logged = steps_logged(folder)
        try:
            if kill.kind == "twice":
                self._kill_again(kill, folder)
            ended = self._continue(kill, folder)
        except TimeoutError as error:
            return replace(result, error=str(error))
        since = steps_logged(folder) - logged
        again = ended == BEGUN_AGAIN or bool(since and min(since) == 1)
        if ended not in (0, BEGUN_AGAIN):
            return replace(result, error=self.error())
        if again and saved:
            return replace(result, begun_again=True, error="it lost its checkpoint")
        found = self.works[kill.work].result(folder)
        differs = [key for key in expected if found.get(key) != expected[key]]
        left = sorted(names_in(folder) - names)
        return replace(
            result,
            survived=True,
            begun_again=again,
            differs=tuple(differs),
            left=tuple(left),
        )

    def _kill(self, kill: Kill, folder: Path) -> None:
        if kill.how == "start-up":
            self._kill_process(kill.at, folder)
            return
        start = self.works[kill.work].start
        if kill.how == "moment":
            self._kill_fork(lambda: start(folder), kill, folder)
            return
        code = forked(
            lambda: start(folder),
            self.log,
            lambda: Trap(folder, self.notes, int(kill.at), kill.how == "torn"),
        )
        if code != -signal.SIGKILL:
            raise RuntimeError(f"{kill.key}: exit status {code}, {self.error()}")

    def _kill_fork(self, work: Callable[[], Any], kill: Kill, folder: Path) -> None:
        """Kill at a moment; earlier where the work has ended before."""
        seconds = kill.at * self.seconds(kill.work)
        while (code := forked(work, self.log, seconds=seconds)) != -signal.SIGKILL:
            if code:
                raise RuntimeError(f"{kill.key}: failed before, {self.error()}")
            shutil.rmtree(folder, ignore_errors=True)
            seconds *= 0.8

    def _kill_again(self, kill: Kill, folder: Path) -> None:
        """Kill the continuation, too; it may end before."""
        seconds = (1 - kill.at) * self.seconds(kill.work)
        again = self.works[kill.work].again
        forked(lambda: again(folder), self.log, seconds=seconds)

    def _continue(self, kill: Kill, folder: Path) -> int:
        if kill.how != "start-up":
            return forked(lambda: self.works[kill.work].again(folder), self.log)
        code = self._process(folder, "--resume").wait(600)
        if code and "nothing to resume" in self.error():
            shutil.rmtree(folder, ignore_errors=True)
            return self._process(folder).wait(600) or BEGUN_AGAIN
        return code

    def _process(self, folder: Path, *words: str) -> subprocess.Popen:
        """``tools/train.py`` as a user starts it."""
        options = short(self.out / "pond", "model", iterations=self.iterations).items()
        pairs = [f"{key}={value}".replace(" ", "") for key, value in options]
        command = [sys.executable, "tools/train.py", str(PLAIN), *words]
        command += ["--work-dir", str(folder), "--name", NAME, "--cfg-options", *pairs]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)

    def _kill_process(self, at: float, folder: Path) -> None:
        """Kill ``tools/train.py`` between two of its training steps.

        Moments count from the first file, in steps rather than in seconds, which other
        load would stretch.
        """
        steps, part = divmod(at * (self.iterations + 1), 1)
        process, since = self._process(folder), time.monotonic()
        while process.poll() is None:
            logged = max(steps_logged(folder), default=0 if folder.is_dir() else -1)
            if logged >= steps:
                try:
                    process.wait(part * (time.monotonic() - since))
                except subprocess.TimeoutExpired:
                    break
            elif logged < steps - 1:
                since = time.monotonic()
            time.sleep(0.01)
        process.kill()
        code = process.wait()
        if code == 0:  # it had ended before
            shutil.rmtree(folder)
            self._kill_process(0.95 * at, folder)
        elif code != -signal.SIGKILL:
            raise RuntimeError(f"tools/train.py failed: {self.error()}")


# Which kills


def kind_of(step: Step, torn: bool) -> str:
    """Kind of a step by its file."""
    text = str(step.torn) if torn else step.text
    return next(kind for kind, pattern in FILES.items() if re.search(pattern, text))


def kills_at_steps(faults: Faults, work: str) -> Iterator[Kill]:
    """The kills before and in the middle of each step of a work."""
    for number, step in enumerate(faults.steps(work), start=1):
        hows: list[tuple[How, str]] = [("before", step.text)]
        if step.torn is not None:
            hows.append(("torn", f"write of {step.torn}"))
        for how, text in hows:
            kind = WORKS.get(work) or kind_of(step, how == "torn")
            yield Kill(kind, work, how, number, text)


def planned(
    faults: Faults, kinds: Sequence[str], kills: int, seed: int
) -> Iterator[Kill]:
    """Choose kills: those at steps of all kinds in turn, and a share at moments."""
    draw = random.Random(seed)
    counts = {k: round(SHARES[k] * kills) for k in SHARES if k in kinds}
    if all(kind in SHARES for kind in kinds):
        counts = {kind: kills // len(kinds) or 1 for kind in kinds}
    works = [w for w in ("train", *WORKS) if w in kinds or w == "train"]
    steps: dict[str, list[Kill]] = {}
    if any(kind not in SHARES for kind in kinds):
        for work in works:
            for kill in kills_at_steps(faults, work):
                steps.setdefault(kill.kind, []).append(kill)
    queues = [steps[kind] for kind in kinds if kind in steps]
    for queue in queues:
        draw.shuffle(queue)
    chosen = 0
    while any(queues) and chosen < kills - sum(counts.values()):
        for queue in queues:
            if queue and chosen < kills - sum(counts.values()):
                chosen += 1
                yield queue.pop()
    spare = kills - chosen - sum(counts.values())
    if "random" in counts:  # there are not as many steps
        counts["random"] += spare
    for kind, count in counts.items():
        how: How = "start-up" if kind == REAL else "moment"
        names = RANDOM.get(kind, ("train",))
        for number in range(count):
            moment = (number + draw.random()) / count
            yield Kill(kind, names[number % len(names)], how, moment)


def code_of_package(iterations: int) -> str:
    """Hash of code and length, by which results of another tree are told apart."""
    paths = sorted((ROOT / "mmseg_splashkd").rglob("*.py"))
    content = b"".join(path.read_bytes() for path in paths)
    return sha256(content + f"{iterations}".encode())[:12]


def read_results(path: Path, code: str) -> dict[str, Result]:
    """Results of this code, by the key of the kill."""
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        if line.endswith("}"):  # the last may be cut off
            fields = json.loads(line)
            lists = {key: tuple(fields[key]) for key in ("differs", "left")}
            result = Result(**fields | lists)
            if result.code == code:
                found[result.key] = result
    return found


# What is printed


def line_of(result: Result) -> str:
    """A result in words."""
    if not result.survived:
        return f"LOST: {result.error}"
    words = ["began again, without a checkpoint yet" if result.begun_again else "equal"]
    if result.differs:
        words = [f"DIFFERS: {', '.join(result.differs)}"]
    if result.left:
        words.append(f"left over: {', '.join(result.left)}")
    return "; ".join(words)


def print_table(results: Mapping[str, Result]) -> None:
    """Print how many kills of each kind were survived."""
    head = (
        "survived / tried",
        "began again",
        "best kept",
        "bit-equal",
        "nothing left over",
    )
    print(f"\n| kind | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
    for kind in (*KINDS, "all"):
        chosen = [each for each in results.values() if kind in (each.kind, "all")]
        if not chosen:
            continue
        alive = [each for each in chosen if each.survived]
        best = [e for e in alive if not any("best" in part for part in e.differs)]
        counts = Counter(
            again=sum(each.begun_again for each in alive),
            equal=sum(not each.differs for each in alive),
            clean=sum(not each.left for each in alive),
        )
        cells = f"{len(alive)} / {len(chosen)}", counts["again"], len(best)
        cells += counts["equal"], counts["clean"]
        print(f"| {kind} | {' | '.join(map(str, cells))} |")


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, continue, compare, print."""
    args = parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = "1"  # bits depend on it; torch reads it once
    sys.path.insert(0, str(ROOT))  # the code of this tree, as ``code_of_package``
    out, code = args.out.resolve(), code_of_package(args.iterations)
    faults = Faults(out, args.iterations)
    faults.prepare()
    path = out / "results.jsonl"
    known = read_results(path, code)
    kills = list(planned(faults, args.kinds, args.kills, args.seed))
    results: dict[str, Result] = {}
    begin = time.monotonic()
    for number, kill in enumerate(kills, start=1):
        result = known.get(kill.key)
        if result is None:
            result = faults.result(kill, code)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(asdict(result))}\n")
        results[kill.key] = result
        passed = time.monotonic() - begin
        print(
            f"{number}/{len(kills)}  {passed:4.0f} s  {kill.kind}: {kill.key}: "
            f"{line_of(result)}",
            flush=True,
        )
    print_table(results)
    unequal = [each for each in results.values() if not each.survived or each.differs]
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
