"""Modes of torch.compile, as `--ocr-compile-mode` names them."""

from __future__ import annotations

from typing import Literal

CompileMode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
"""Names of torch's own."""

CUDA_GRAPH_MODES = frozenset({"reduce-overhead", "max-autotune"})
"""On a GPU a step in these modes is recorded as CUDA graphs, which are then replayed: the host launches few kernels."""
