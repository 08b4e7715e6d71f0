import pytest

from mmseg_splashkd.records.cpu_kind import kind_of, lacks_bf16


@pytest.mark.parametrize(
    ("info", "machine", "kind", "slow"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16", "x86_64", "AMX", False),
        ("flags\t\t: avx2 avx512f avx512_bf16\n", "x86_64", "AVX512-BF16", False),
        ("model\t: 1\nflags : avx2 avx512f", "x86_64", "AVX-512", True),
        ("flags : fpu avx2", "x86_64", "AVX2", True),
        ("Features\t: fp asimd bf16", "aarch64", "ARM-BF16", False),
        ("Features\t: fp asimd", "aarch64", "NEON", True),
        ("", "x86_64", "unknown", False),
    ],
)
def test_kind_is_that_of_the_fastest_instructions(info, machine, kind, slow):
    assert kind_of(info, machine) == kind
    assert lacks_bf16(kind) == slow
