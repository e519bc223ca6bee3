"""How many warm-up steps a case needs, whatever was asked for."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CompileMode, warmup_steps_needed

DATA_PARALLEL_WARMUP_STEPS = 11


def least_warmup(case: Case, mode: CompileMode | None) -> tuple[int, str]:
    """Number of steps that must not be measured, and why."""
    on_gpu = case.device == "cuda"
    compiling = warmup_steps_needed(mode) if on_gpu else int(case.compile)
    if case.mode == "mp" and on_gpu:
        return DATA_PARALLEL_WARMUP_STEPS, "DistributedDataParallel waits for the GPU in its first ten steps"
    return compiling, "the first steps compile"
