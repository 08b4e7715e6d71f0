"""Runs of a study: each is trained and tested once, several at the same time."""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple

RESULT = "result.json"
# Keys that differ between machines and seeds, and the weights of retrained teachers.
PLACES = {"data_root", "dir", "teacher_checkpoint", "randomness", "work_dir"}


class StudyRun(NamedTuple):
    """One training run.

    Attributes:
        folder: Where it is kept; a finished one is not repeated.
        config: Config file.
        options: Dotted config keys.
        metric: Score of the validation part whose curve is kept.
        tested: Whether the last weights are tested; a run that only chooses a rate is
            not, because the test part is for the final runs.
        threshold: Probability in [0, 1] from which the focus class is predicted, or
            ``'stored'``: the one chosen on the validation part; default None: argmax.
        of: Digests of weights without which it would be another run, beside those that
            ``load_from`` names.
    """

    folder: Path
    config: str
    options: Mapping[str, Any]
    metric: str
    tested: bool = True
    threshold: str | None = None
    of: tuple[str, ...] = ()


def results_of(
    runs: Sequence[StudyRun], processes: int, may_fail: bool = False
) -> Iterator[dict[str, Any]]:
    """Results of runs, executed in parallel; prints each finished run.

    A process makes one run after the other: on a GPU, its start takes as long as many
    steps.

    Args:
        runs: Runs, in the order of their results.
        processes: Number of runs at the same time, at least 1.
        may_fail: Whether a run that diverged, or refused to begin, is a result;
            default: an error.

    Raises:
        RuntimeError: A run failed, and must not.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, end_with_parent) as pool:
        for run, result in zip(runs, pool.map(result_of, runs), strict=True):
            failed = [each for each in ("diverged", "refused") if each in result]
            if failed and not may_fail:
                raise RuntimeError(
                    f"{run.folder} {failed[0]}: {result[failed[0]]}; to try again, "
                    f"remove the folder"
                )
            print(f"{time.strftime('%H:%M:%S')}  {run.folder.name}", flush=True)
            yield result


def end_with_parent() -> None:
    """End this process when its parent does, which cannot tell it if it is killed."""
    parent = parent_process()
    assert parent is not None, "only in a process of a pool"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def result_of(run: StudyRun) -> dict[str, Any]:
    """Train and test, or read the result if the run is finished.

    Returns:
        Of a finished run: ``weights``, ``curve``, ``val``, ``train``, ``seconds``,
        ``hardware``, ``plan``, and what ``scores_of`` returns. ``diverged`` or
        ``refused`` in their place says why there are none.

    Raises:
        ValueError: The folder holds the result of another config.
    """
    from mmseg_splashkd.files import write_whole

    done = run.folder / RESULT
    if done.is_file():
        plan = json.loads(done.read_text()).get("plan")
        if plan != plan_of(run):
            raise ValueError(
                f"{done} is of another plan (config, options): remove its folder, and "
                f"its entry in the file of results"
            )
    else:
        run.folder.mkdir(parents=True, exist_ok=True)
        log = (run.folder / "printed.log").open("w")
        with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            write_whole(done, json.dumps(_train_and_test(run), indent=1))
    return json.loads(done.read_text())


def _train_and_test(run: StudyRun) -> dict[str, Any]:
    import torch

    from mmseg_splashkd.hooks.not_finite import NotFiniteError
    from mmseg_splashkd.models.adaptation.methods.proda import PoorStartError
    from mmseg_splashkd.models.teacher.gate import PoorTeacherError
    from mmseg_splashkd.report.logs import logged
    from mmseg_splashkd.runs.train import train

    torch.set_num_threads(1)
    options, folder = dict(run.options), run.folder / f"run_{os.getpid()}"
    begin = time.perf_counter()
    try:
        work_dir = train(run.config, folder, cfg_options=options)
    except NotFiniteError as error:
        return {"diverged": str(error), "plan": plan_of(run)}
    except PoorStartError as error:
        return {"refused": str(error), "plan": plan_of(run)}
    except PoorTeacherError as error:
        if error.rule != "floor" or not run.of:
            raise RuntimeError(f"{run.folder}: {error}") from None
        return {"refused": str(error), "plan": plan_of(run)}
    seconds = time.perf_counter() - begin
    result = {
        "seconds": seconds,
        "hardware": device_name(),
        "plan": plan_of(run),
        "weights": str(weights_of(work_dir)),
        "curve": list(zip(*logged(work_dir, run.metric), strict=True)),
        "val": _last_validation(work_dir, run.metric),
        "train": _last_step(work_dir),
    }
    return result | (scores_of(run, result["weights"]) if run.tested else {})


def scores_of(
    run: StudyRun, weights: str | Path, threshold: str | float | None = None
) -> dict[str, Any]:
    """Scores of weights on the test part of a run.

    Args:
        run: The run whose data set and folder they have.
        weights: File of the weights.
        threshold: Probability in [0, 1] from which the focus class is predicted;
            default None: that of the run.

    Returns:
        ``test``, and ``best`` where a threshold decides: the Dice that the test part's
        own labels would choose, in percent, which no user has. ``diverged`` or
        ``refused`` in their place says why there are none.
    """
    from mmseg_splashkd.checkpoint import read_checkpoint
    from mmseg_splashkd.evaluation.frame_scores import load_scores
    from mmseg_splashkd.evaluation.operating_point.stored import (
        OPERATING_POINT,
        STORED,
        operating_point_of,
    )
    from mmseg_splashkd.hooks.not_finite import NotFiniteError
    from mmseg_splashkd.runs.test import evaluate

    threshold = run.threshold if threshold is None else threshold
    if threshold == STORED and not read_checkpoint(weights)["meta"].get(
        OPERATING_POINT
    ):
        return {"refused": "no threshold finds the class on the validation part"}
    try:
        scores = evaluate(
            run.config,
            weights,
            work_dir=run.folder / "test",
            threshold=threshold,
            cfg_options=dict(run.options),
        )
    except NotFiniteError as error:  # which pools cannot pass on
        return {"diverged": str(error)}
    if threshold is None:
        return {"test": scores}
    point = operating_point_of(load_scores(scores.scores), 0)
    return {"test": scores, "best": point["dice"] if point else None}


def plan_of(run: StudyRun) -> str:
    """Digest of what is trained, without the places of files and the seed."""
    from mmseg_splashkd.config.reading import read_config

    cfg = read_config(run.config, dict(run.options)).to_dict()
    text = json.dumps(_without_places(cfg), sort_keys=True, default=str)
    text = "".join((text, *run.of))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _without_places(node: Any) -> Any:
    if isinstance(node, dict):
        inner = {key: each for key, each in node.items() if key not in PLACES}
        return {str(key): _without_places(each) for key, each in inner.items()}
    if isinstance(node, list | tuple):
        return [_without_places(each) for each in node]
    return node


def device_name() -> str:
    """The GPU that runs use, or the CPU."""
    from mmseg_splashkd.records.environment import hardware

    machine = hardware()
    return machine.gpus[0] if machine.gpus else machine.cpu


def weights_of(work_dir: Path) -> Path:
    """The last weights of a run."""
    (weights,) = work_dir.glob("weights_*_last.safetensors")
    return weights


def _last_validation(work_dir: Path, metric: str) -> dict[str, float]:
    return next(line for line in reversed(_logged(work_dir)) if metric in line)


def _last_step(work_dir: Path) -> dict[str, float]:
    """Losses and figures of the last training steps, if any were logged."""
    return next((line for line in reversed(_logged(work_dir)) if "loss" in line), {})


def _logged(work_dir: Path) -> list[dict[str, float]]:
    (log,) = work_dir.glob("2*/vis_data/scalars.json")
    return [json.loads(line) for line in log.read_text().splitlines()]
