"""The benchmark of a frame's price: its tables, and all of it in a tiny form."""

import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from benchmarks.short_runs import tiny
from tests.conftest import CONFIGS, ROOT
from tests.test_commands import module_of, run

FILE = "benchmarks/inference.py"
MACHINE = {
    "cpu": "CPU",
    "kind": "AVX2",
    "cores": 2,
    "load": 0.1,
    "date": "2026-01-01",
    "versions": {"torch": "2.13.0"},
    "spin": "10000",
    "config": "b0.py",
    "weights": "random",
    "rounds": 2,
}
TIMES = {
    "size": 512,
    "threads": 1,
    "seconds": {
        "torch": [0.4, 0.8],
        "transformers": [0.6, 1.2],
        "openvino": [0.1, 0.2],
    },
    "changed": {"torch": 0.0, "transformers": 0.5, "openvino": 0.0001},
    "parts": [
        {
            "engine": "openvino",
            "frame": [720, 1280],
            "seconds": {"decoding PNG": [0.01], "network": [0.09], "rest": [0.03]},
        }
    ],
    "variants": {"openvino: as it is": [0.1, 0.2], "openvino: late": [0.15, 0.3]},
}
MEMORY = [{"size": 512, "way": "openvino", "peak": 1700.4, "imports": 1500.0}]


def test_tables_are_those_of_the_stored_file(tmp_path, capsys):
    stored = tmp_path / "inference.json"
    stored.write_text(
        json.dumps({"machine": MACHINE, "times": [TIMES], "memory": MEMORY})
    )
    run(FILE, "--table", stored)
    rows = capsys.readouterr().out.splitlines()
    four, six = "4.00 (4.00 to 4.00)", "6.00 (6.00 to 6.00)"
    way = (
        f"| 512x512 | 1 | openvino | 150.0 (125.0 to 175.0) | {four} | {six} | 0.010% |"
    )
    assert way in rows
    assert "| 512x512 | openvino | 1,700 | 200 |" in rows
    part = "| 512x512 | 1280x720 | 1 | network | 90.0 (90.0 to 90.0) | 75% |"
    assert part in rows
    assert any("| openvino: late |" in r and "1.50 (1.50 to 1.50)" in r for r in rows)


def test_layers_belong_to_the_part_in_which_they_run():
    by_part = module_of(ROOT / "benchmarks" / "inference_parts.py")._by_part
    kinds = (
        "Convert",
        "Interpolate",
        "Convolution",
        "MatMul",
        "Interpolate",
        "Softmax",
    )
    layers = [
        SimpleNamespace(
            node_name=f"{kind}_{number}",
            node_type=kind,
            real_time=SimpleNamespace(total_seconds=lambda seconds=2**number: seconds),
        )
        for number, kind in enumerate(kinds)
    ]
    assert list(by_part(layers, "Interpolate_4").values()) == [1 + 2, 4 + 8, 16 + 32]


@pytest.mark.slow
def test_all_ways_of_a_tiny_network_are_measured(tmp_path, monkeypatch, capsys):
    pytest.importorskip("nncf", reason="no nncf: pip install -e '.[deploy]'")
    pytest.importorskip("transformers")
    module = module_of(ROOT / FILE)
    nested = Config()
    nested.merge_from_dict(tiny("model"))  # of dotted keys
    small = nested.to_dict()["model"]
    base = str(CONFIGS / "kd" / "segformer_b0.py")
    (tmp_path / "tiny.py").write_text(f"_base_ = {base!r}\nmodel = {small!r}\n")

    def in_this_process(command: list[str], **_: object) -> SimpleNamespace:
        arguments = command[command.index(str(module.__file__)) + 1 :]
        answer = module.of_child(module.parse_args(arguments))
        return SimpleNamespace(stdout=json.dumps(answer))

    monkeypatch.setattr(module.subprocess, "run", in_this_process)
    monkeypatch.setattr(module, "LARGE", (48, 80))
    out = tmp_path / "out.json"
    words = ("--config", tmp_path / "tiny.py", "--sizes", 64, "--threads", 1)
    skipped = ("--rounds", 1, "--skip", "torch_compile", "--out", out)
    run(FILE, *words, *skipped)
    printed = capsys.readouterr().out
    stored = json.loads(out.read_text())
    (times,) = stored["times"]
    ways = module.names_of_ways(("torch_compile",))
    assert list(times["seconds"]) == ways == [each["way"] for each in stored["memory"]]
    exact = ("torch", "mmseg", "onnxruntime", "openvino")
    assert max(times["changed"][each] for each in exact) < 0.01
    assert all(f"| 64x64 | 1 | {each} |" in printed for each in ways)
