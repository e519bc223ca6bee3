"""The kind of work that an operator or a kernel does, from its name and the part of the step in which it runs.

To add a name: a word in `WORDS`, in the first group that should have it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from benchmarks.harness.protocol.profile_report import GROUPS, Group

OF_PARTS: dict[str, Group] = {"prepare": "augmentation", "loss": "loss", "optimizer": "optimiser"}
"""Parts of a step whose operators form a group of their own, whatever they are."""

WORDS: dict[Group, tuple[str, ...]] = {
    "communication": (
        "nccl",
        "c10d::",
        "gloo",
        "allreduce",
        "all_reduce",
        "reduce_scatter",
        "allgather",
        "distributed::reducer",
    ),
    "attention": ("attention", "softmax", "flash_fwd", "flash_bwd", "fmha"),
    "LSTM": ("lstm", "rnn", "gru_"),
    "pooling": ("pool",),
    "resize": ("upsample", "interpolate", "resize", "grid_sampl"),
    "normalisation": (
        "batch_norm",
        "batchnorm",
        "bn_fw",
        "bn_bw",
        "layer_norm",
        "layernorm",
        "group_norm",
        "instance_norm",
    ),
    "loss": ("ctc", "cross_entropy", "nll_loss", "binary_cross", "l1_loss", "mse_loss", "dice_loss", "diceloss"),
    "optimiser": ("fused_adam", "fused_sgd", "optimizer", "_amp_"),
    "convolution": ("conv", "winograd", "implicit_gemm", "wgrad", "dgrad", "fprop"),
    "matmul": ("matmul", "addmm", "linear", "::mm", "::bmm", "baddbmm", "einsum", "gemm", "cutlass", "splitk", "nvjet"),
    "activation": ("relu", "gelu", "sigmoid", "tanh", "silu", "threshold_backward", "hardtanh"),
    "copy": (
        *("memcpy", "::copy_", "::to ", "_to_copy", "clone", "contiguous", "::cat", "::stack", "::pad", "constant_pad"),
        *("::reshape", "repeat", "catarray", "direct_copy", "slice_backward", "select_backward", "::flatten"),
    ),
}
"""Parts of names in lower case, which end in a space. The first group with one of them decides."""

RESIZE_OF_MEMORY = ("resize_", "resize_as_")
"""Operators of ATen that change the memory of a tensor: no work on images."""

TRITON = re.compile(r"triton_(?P<kind>[a-z]+)_fused_(?P<operators>\w*?)(_\d+)?$")
CPP_FUSED = re.compile(r"(graph_\d+_)?cpp_fused_(?P<operators>\w*?)(_\d+)?$")
TEMPLATE = "tem"
"""Triton's kernels of matrix products and convolutions, with what follows them."""

MOST_NAMES = 4096
"""A step has a few hundred, and calls each of them often."""

COMPILED = ("compiledfunction", "torch-compiled region", "compiledfxgraph")
"""Parts of names in lower case, of what runs compiled code."""


def group_of(name: str, part: str, *, kernel: str = "") -> Group:
    """Of an operator and, on a GPU, of its kernel.

    Args:
        name: of the operator; in the backward pass, of that of the forward pass if it is known.
        part: of the step in which that operator runs.
        kernel: that it issued; empty on the CPU.
    """
    if "communication" in (_by_words(name), _by_words(kernel)):
        return "communication"
    if part in OF_PARTS:
        return OF_PARTS[part]
    if kernel.startswith("Memcpy"):
        return "copy"
    if (fused := _fused(kernel) or _fused(name)) is not None:
        return fused
    return _by_words(name) or _by_words(kernel) or ("fused" if _is_compiled(name) else "other")


def known_group(name: str) -> bool:
    """Whether a name alone shows the kind of work."""
    return _by_words(name) is not None


@lru_cache(MOST_NAMES)
def _by_words(name: str) -> Group | None:
    text = name.lower()
    if text.rpartition("::")[2] in RESIZE_OF_MEMORY:
        return None
    return next((group for group, words in WORDS.items() if any(word in f"{text} " for word in words)), None)


def _is_compiled(name: str) -> bool:
    return any(each in name.lower() for each in COMPILED)


@lru_cache(MOST_NAMES)
def _fused(name: str) -> Group | None:
    """Of a kernel that torch.compile made and named after what it fuses: one group if all that is known is of it; None
    for other kernels.

    A matrix product or a convolution is computed only by a template: in other names it is what precedes or follows.
    """
    found = TRITON.search(name) or CPP_FUSED.search(name)
    if found is None:
        return None
    if "kind" in found.groupdict() and found["kind"] == TEMPLATE:
        return "convolution" if "convolution" in found["operators"] else "matmul"
    text = found["operators"].lower()
    groups = {group for group, words in WORDS.items() if any(word.strip(": ") in text for word in words)}
    groups -= {"convolution", "matmul", "copy"}
    return groups.pop() if len(groups) == 1 else "fused"


assert set(WORDS) <= set(GROUPS)
