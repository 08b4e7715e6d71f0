"""Measure the price of a frame, from its decoded pixels to a label map.

Ways: the deployed function in PyTorch (``torch``, eager, which all are compared with;
``torch_compile``, of the smallest size and the most threads only, where there is a C++
compiler), MMSegmentation's own ``inference_model`` (``mmseg``), the exported file in
every engine that is installed, the file in 8 bits (``INT8``), and a SegFormer-B0 of
Hugging Face ``transformers`` with its image processor, eager, as its documentation
shows. Weights are random, unless --checkpoint: the speed does not depend on them.

For each size and number of threads, one process runs all ways in turn, each one frame a
round, in an order that is reversed every round. Ratios are taken within a round, so
that load on the machine hits both. Peak memory is that of a process of its own, at the
largest size.

Parts of a frame's time are sums over layers, by the profile of OpenVINO in float32.
Variants are the exported graph with one thing changed, at the smallest size.

    python benchmarks/inference.py --out work_dirs/inference.json
    python benchmarks/inference.py --table work_dirs/inference.json
    python benchmarks/inference.py --sizes 512 --threads 1 --rounds 5 \
      --skip torch_compile
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from inference_networks import random_frames, write_files
from inference_parts import (
    LARGE,
    frames_of_variant,
    passes_of_variants,
    seconds_of_parts,
)
from inference_table import tables
from inference_ways import COMPILED, EAGER, names_of_ways, way_of

from mmseg_splashkd.evaluation.interleaved import time_in_turn
from mmseg_splashkd.records.cpu_kind import cpu_kind

CONFIG = Path(__file__).parents[1] / "configs/kd/segformer_b0_kd.py"
PACKAGES = ("torch", "openvino", "onnxruntime", "nncf", "transformers")
SPIN = "10000"  # or threads of OpenMP that wait take the cores of those that work
MEMORY_FRAMES = 3
MIB = 2**20


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIG,
        help="config; of a distillation, its student (default: SegFormer-B0)",
    )
    parser.add_argument("--checkpoint", help="its weights (default: random)")
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=[512, 1024],
        help="sides of the frames in px (default: 512 1024)",
    )
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=[1, 2],
        help="numbers of threads (default: 1 2)",
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help="frames of each way (default: 6)"
    )
    parser.add_argument(
        "--skip", nargs="+", default=[], help="ways to leave out, such as torch_compile"
    )
    parser.add_argument("--out", type=Path, help="JSON file of all measurements")
    parser.add_argument(
        "--table", type=Path, help="only print the tables of such a JSON file"
    )
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    for name in ("sizes", "threads", "rounds"):
        values = getattr(args, name)
        if min(values if isinstance(values, list) else [values]) < 1:
            parser.error(f"--{name} {values} must be at least 1")
    if EAGER in args.skip:
        parser.error(f"--skip {EAGER}: the others are compared with it, leave it in")
    return args


# In a process of its own.


def times(args: argparse.Namespace, side: int, threads: int) -> dict[str, Any]:
    """Seconds of all ways, parts and variants for a size and a number of threads."""
    torch.set_num_threads(threads)
    (frame,) = random_frames(1, side, side)
    names = names_of_ways(_skipped(args, side, threads))
    ways = {n: way_of(n, args, side, threads, args.folder) for n in names}
    expected = ways[EAGER](frame)
    changed = {n: float((way(frame) != expected).mean()) for n, way in ways.items()}
    passes = {n: lambda way=way: way(frame) for n, way in ways.items()}
    seconds = time_in_turn(passes, args.rounds)
    del ways, passes
    return {
        "size": side,
        "threads": threads,
        "seconds": seconds,
        "changed": changed,
        "parts": _parts(args, side, threads),
        "variants": _variants(args, side, threads),
    }


def _skipped(args: argparse.Namespace, side: int, threads: int) -> tuple[str, ...]:
    """Ways to leave out: compiling takes minutes, and is done once."""
    compiles = side == min(args.sizes) and threads == max(args.threads)
    return (*args.skip, *([] if compiles else [COMPILED]))


def _parts(args: argparse.Namespace, side: int, threads: int) -> list[dict[str, Any]]:
    """Seconds of parts, of frames of the trained size and of others."""
    engine = next(n for n in names_of_ways() if n.startswith("openvino"))
    return [
        {
            "engine": engine,
            "frame": list(frame),
            "seconds": seconds_of_parts(
                engine, side, frame, threads, args.folder, args.rounds
            ),
        }
        for frame in ((side, side), LARGE)
    ]


def _variants(args: argparse.Namespace, side: int, threads: int) -> dict[str, Any]:
    """Seconds a frame of each variant; of the smallest size only."""
    if side != min(args.sizes):
        return {}
    passes = passes_of_variants(side, threads, args.folder)
    return {
        name: [each / frames_of_variant(name) for each in seconds]
        for name, seconds in time_in_turn(passes, args.rounds).items()
    }


def memory(args: argparse.Namespace, side: int, name: str) -> dict[str, Any]:
    """Peak memory of a process with one way, in MiB, and its part before the way."""
    torch.set_num_threads(max(args.threads))
    before = _peak()
    way = way_of(name, args, side, max(args.threads), args.folder)
    (frame,) = random_frames(1, side, side)
    for _ in range(MEMORY_FRAMES):
        way(frame)
    return {"size": side, "way": name, "peak": _peak(), "imports": before}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


def of_child(args: argparse.Namespace) -> Any:
    """What a process of its own does: ``times``, ``memory`` or ``files``."""
    kind, side, *rest = args.child
    if kind == "times":
        return times(args, int(side), int(rest[0]))
    if kind == "memory":
        return memory(args, int(side), " ".join(rest))
    return write_files(args, int(side), args.folder)


# In the process that starts them.


def in_process(
    args: argparse.Namespace, folder: Path, threads: int, *child: object
) -> Any:
    """The answer of a process of its own."""
    options = [f"--config={args.config}", f"--rounds={args.rounds}"]
    options += ["--sizes", *map(str, args.sizes)]
    options += [f"--checkpoint={args.checkpoint}"] if args.checkpoint else []
    options += [f"--folder={folder}", "--threads", *map(str, args.threads)]
    options += ["--skip", *args.skip] if args.skip else []
    command = [sys.executable, "-W", "ignore", __file__, *options]
    command += ["--child", *map(str, child)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", SPIN),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All measurements, as they are stored."""
    found: dict[str, Any] = {"machine": machine(args), "times": [], "memory": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        most = max(args.threads)
        for side in args.sizes:
            tell(f"{side}: export and quantise")
            in_process(args, folder, most, "files", side)
            for threads in args.threads:
                tell(f"{side}: times with {threads} threads")
                answer = in_process(args, folder, threads, "times", side, threads)
                found["times"].append(answer)
        side = max(args.sizes)
        for name in names_of_ways((*args.skip, COMPILED)):
            tell(f"{side}: memory of {name}")
            answer = in_process(args, folder, most, "memory", side, name)
            found["memory"].append(answer)
    return found


def machine(args: argparse.Namespace) -> dict[str, Any]:
    """Hardware, load, versions and settings."""
    names = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1:]
    return {
        "cpu": names[0].split("\n")[0] if names else platform.machine(),
        "kind": cpu_kind(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "date": date.today().isoformat(),
        "versions": {name: version(name) for name in PACKAGES},
        "spin": os.environ.get("GOMP_SPINCOUNT", SPIN),
        "config": args.config.name,
        "weights": "random" if args.checkpoint is None else "trained",
        "rounds": args.rounds,
        "memory_threads": max(args.threads),
    }


def tell(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print; in a child process, only one part."""
    args = parse_args(argv)
    if args.child:
        print(json.dumps(of_child(args)))
        return
    found = json.loads(args.table.read_text("utf-8")) if args.table else measure(args)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(tables(found))


if __name__ == "__main__":
    main()
