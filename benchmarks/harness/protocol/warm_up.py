"""How many warm-up steps a case needs, whatever was asked for."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CUDA_GRAPH_MODES, CompileMode

DATA_PARALLEL_WARMUP_STEPS = 11
CUDA_GRAPH_WARMUP_STEPS = 3
"""The first step compiles and runs its kernels one by one, the second is recorded, the third is the first replay."""


def least_warmup(case: Case, mode: CompileMode | None) -> tuple[int, str]:
    """Number of steps that must not be measured, and why. The mode is that of torch.compile, None without it."""
    if case.mode == "mp" and case.device == "cuda":
        return DATA_PARALLEL_WARMUP_STEPS, "DistributedDataParallel waits for the GPU in its first ten steps"
    if mode in CUDA_GRAPH_MODES:
        return CUDA_GRAPH_WARMUP_STEPS, "the first steps compile and record CUDA graphs"
    return int(mode is not None), "the first step compiles"
