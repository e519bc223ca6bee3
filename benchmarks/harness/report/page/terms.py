"""The words of the page, explained at its end: only those of the measurements that it shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Term(NamedTuple):
    """A word, what it means, and the measurements that use it; none means all of them."""

    name: str
    meaning: str
    measurements: frozenset[str] = frozenset()


SPEED = frozenset({"speed"})
TIMED = SPEED | {"profile"}
CONVERGENCE = frozenset({"convergence"})
MEMORY = frozenset({"memory"})

TERMS = (
    Term(
        "Name of a case",
        "model_mode_batch_precision_number. sp: one process; mp: one process per GPU. bs16: 16 samples per step, "
        "over all processes together. The number is that of the GPUs; cpu2 means two processes on the CPU. "
        "compile: through torch.compile.",
    ),
    Term("samples/s", "Images of all processes / wall-clock seconds of the slowest process."),
    Term(
        "p50, p95",
        "Half, and 95 %, of the measured steps took no longer. The steps of the warm-up are not among them.",
        SPEED,
    ),
    Term("data wait", "Part of the time in which a process waited for the next batch of its loader.", TIMED),
    Term(
        "limit, roofline",
        "The time that a step would take if each of its operations ran at the rate of a large matrix product or "
        "of a memory copy, both measured on this machine within the case. A convolution may be faster than the "
        "matrix product.",
        SPEED,
    ),
    Term(
        "bound by",
        "What has to become faster for a step to become faster: data (the loader), host (it issues the work too "
        "slowly), arithmetic, memory traffic or communication. Nothing known: arithmetic and memory need less "
        "than a quarter of the step.",
        SPEED,
    ),
    Term(
        "exchange of gradients",
        "Between several processes. In a speed case: how much longer a step is than without it. In a profile: the "
        "time in which it runs, waiting for other ranks included, even if the device computes meanwhile.",
        TIMED,
    ),
    Term(
        "loader only, step only",
        "The rate of the loader without a training, and of the training on a batch that is already on the device.",
        SPEED,
    ),
    Term(
        "disturbed",
        "Other programs, the hypervisor, a quota or a slow clock took more from the measured steps than a limit "
        "allows. Only speed cases are observed. Quiet: none of these was seen. A host that is slower than before "
        "is not seen.",
        SPEED,
    ),
    Term(
        "reference check",
        "One step on fixed weights and images in the precision of the case, compared with the same step in float64.",
        SPEED,
    ),
    Term("hmean", "2 x precision x recall / (precision + recall), of the detected texts.", CONVERGENCE),
    Term("word_accuracy", "Part of the words that were read without any error.", CONVERGENCE),
    Term("one_minus_ned", "1 - edit distance / length of the longer text, the mean over the words.", CONVERGENCE),
    Term(
        "process (memory)",
        "On the CPU: resident memory between two steps without the tensors: Python, torch and other libraries, "
        "the data set.",
        MEMORY,
    ),
    Term(
        "other (memory)",
        "What is left of the peak: workspaces of convolutions, temporary tensors, rounding; on the CPU also free "
        "memory that malloc holds.",
        MEMORY,
    ),
    Term(
        "host peak",
        "Peak resident memory of the process since its start, set-up and warm-up included, until the end of the "
        "measured steps.",
        MEMORY,
    ),
    Term(
        "activations",
        "What the forward pass keeps for the backward pass; the difference of two readings.",
        MEMORY,
    ),
    Term(
        "busy",
        "Time in which a GPU computes, or on the CPU time within operators / wall time of the profiled steps.",
        frozenset({"profile"}),
    ),
    Term(
        "limit of a process",
        "On a GPU: memory that torch may allocate. On the CPU: address space that the training may add. It "
        "contains what is reserved and not used, so a batch can be refused although its resident memory would "
        "fit.",
        frozenset({"largest_batch"}),
    ),
)


def terms(measurements: Collection[str]) -> Sequence[tuple[str, str]]:
    """Name and meaning of the words of these measurements."""
    return [
        (term.name, term.meaning) for term in TERMS if not term.measurements or term.measurements & set(measurements)
    ]
