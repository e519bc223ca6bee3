"""How many warm-up steps a case needs, whatever was asked for."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CUDA_GRAPH_MODES, CompileMode, warmup_steps_needed

DATA_PARALLEL_WARMUP_STEPS = 11


def least_warmup(case: Case, mode: CompileMode | None) -> tuple[int, str]:
    """Number of steps that must not be measured, and why."""
    if case.mode == "mp" and case.device == "cuda":
        return DATA_PARALLEL_WARMUP_STEPS, "DistributedDataParallel waits for the GPU in its first ten steps"
    if mode in CUDA_GRAPH_MODES:
        return warmup_steps_needed(mode), "the first steps compile and record CUDA graphs"
    return warmup_steps_needed(mode), "the first step compiles"
