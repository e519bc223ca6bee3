"""Modes of torch.compile, as `--ocr-compile-mode` names them."""

from __future__ import annotations

from typing import Literal

CompileMode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
"""Names of torch's own."""

CUDA_GRAPH_MODES = frozenset({"reduce-overhead", "max-autotune"})
"""On a GPU a step in these modes is recorded as CUDA graphs, which are then replayed: the host launches few kernels."""

CUDA_GRAPH_WARMUP_STEPS = 3
"""The first step compiles and runs its kernels one by one, the second is recorded, the third is the first replay."""


def warmup_steps_needed(mode: CompileMode | None) -> int:
    """Steps that must not be measured; None for a case that is not compiled."""
    if mode is None:
        return 0
    return CUDA_GRAPH_WARMUP_STEPS if mode in CUDA_GRAPH_MODES else 1
