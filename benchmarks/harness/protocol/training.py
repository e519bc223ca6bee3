"""What a rank reports of its training: whether the measured steps were those that the case names.

The checks in `results/checks/training.py` judge it; the same structs become parts of the artifact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from benchmarks.harness.protocol.quantities import Count, Seconds, Text, about

Shape = Annotated[list[Count], Meta(max_length=8)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

MAX_NAMES = 5
"""Names of parameters that a report lists; the rest is only counted."""

MAX_KEYS = 2**16
"""Samples whose keys a rank reports; all of them are counted and go into the digest of the positions."""


class SampleKey(Struct, frozen=True, forbid_unknown_fields=True):
    """What a sample was made from."""

    index: Annotated[Count, about("of the image")]
    position: Annotated[Count, about("in the endless stream of samples of all ranks")]


class ModelInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The tensor that the network got in the measured steps; if it varied, one that the task does not declare."""

    shape: Annotated[Shape, about("batch dimension first")]
    dtype: Annotated[Text, about("data type, for example float32")]
    forms: Annotated[Count, about("number of different shapes and data types in the measured steps")]
    declared: Annotated[Shape, about("shape of one sample that the task declares; FLOPs are counted for it")]


class ParameterChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trained parameters before the measured steps, compared with those after them, tensor by tensor."""

    trainable: Annotated[Count, about("parameters (tensors) with requires_grad")]
    dtypes: Annotated[list[str], Meta(description="their data types, for example float32", max_length=8)]
    changed: Annotated[Count, about("of these, how many have other values than before")]
    untrained: Annotated[
        list[str],
        Meta(description=f"names of up to {MAX_NAMES} that have a gradient, but the same values", max_length=MAX_NAMES),
    ]
    untrained_count: Annotated[Count, about("number of parameters that have a gradient, but the same values")]
    every_step_skipped: Annotated[
        bool, about("whether each gradient overflowed, so that fp16's gradient scaler skipped every step")
    ]


class CompileReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What torch.compile did in a rank."""

    graphs: Annotated[Count, about("compiled graphs")]
    graph_breaks: Annotated[Count, about("places where a graph ends and Python continues")]
    recompilations: Annotated[Count, about("compilations of code that had been compiled before")]
    compilations_in_window: Annotated[Count, about("compiled graphs within the measured steps")]
    failed_frames: Annotated[Count, about("Python functions that could not be compiled and run in eager mode")]
    errors_suppressed: Annotated[bool, about("whether torch._dynamo.config.suppress_errors is set")]
    seconds: Annotated[Seconds, about("spent on compilation until the end of the measured steps")]
    layers: Annotated[Count, about("modules of the network that have parameters of their own")]
    eager_layers: Annotated[Count, about("of these, how many a step runs outside of compiled graphs")]


class TrainingReport(Struct, frozen=True, kw_only=True):
    """Of one rank, about its measured steps.

    Attributes:
        steps_before: steps of the training before the measured ones.
        samples: number of samples on which the rank was trained.
        epoch_length: samples of one epoch.
        indices, positions: keys of the first `MAX_KEYS` of them.
        positions_sha256: of the positions of all of them (`positions_sha256`).
        same_content: whether different images gave the same sample.
        compile: None if the step is not compiled.
    """

    steps_before: int
    samples: int
    epoch_length: int
    indices: list[int]
    positions: list[int]
    positions_sha256: str
    same_content: bool
    input: ModelInput
    parameters: ParameterChange
    compile: CompileReport | None


def positions_sha256(positions: Iterable[int]) -> str:
    """Digest of positions in their order: of their decimal digits, each followed by a space."""
    digest = hashlib.sha256()
    for position in positions:
        digest.update(b"%d " % position)
    return digest.hexdigest()
