"""The widest instructions of a CPU, which decide whether bfloat16 pays."""

import functools
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
UNKNOWN = "unknown"
# Flag of Linux -> kind, from the fastest.
FLAGS = {
    "amx_bf16": "AMX",
    "avx512_bf16": "AVX512-BF16",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}
ARM_FLAGS = {"bf16": "ARM-BF16", "asimd": "NEON"}
HAS_BF16 = ("AMX", "AVX512-BF16", "ARM-BF16")


@functools.cache
def cpu_kind() -> str:
    """``'AMX'``, ``'AVX512-BF16'``, ``'AVX-512'``, ``'AVX2'``, or those of ARM.

    ``'unknown'`` where the system does not list the flags of its CPU.
    """
    text = CPU_INFO.read_text(encoding="utf-8") if CPU_INFO.is_file() else ""
    return kind_of(text, platform.machine())


def kind_of(info: str, machine: str) -> str:
    """Kind of a CPU.

    Args:
        info: Text of ``/proc/cpuinfo``.
        machine: Architecture, such as ``'x86_64'`` or ``'aarch64'``.
    """
    is_arm = machine in ("aarch64", "arm64")
    key, kinds = ("Features", ARM_FLAGS) if is_arm else ("flags", FLAGS)
    for line in info.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == key:
            present = set(flags.split())
            return next((kinds[f] for f in kinds if f in present), UNKNOWN)
    return UNKNOWN


def lacks_bf16(kind: str) -> bool:
    """Whether a CPU has no instructions for bfloat16, as far as is known."""
    return kind not in (*HAS_BF16, UNKNOWN)
