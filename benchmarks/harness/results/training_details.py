"""What the artifact says of the training of each rank, from the reports of all ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from benchmarks.harness.protocol.quantities import Count, PositiveCount, about
from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.training import (
    MAX_KEYS,
    CompileReport,
    ModelInput,
    ParameterChange,
    SampleKey,
    Sha256,
    TrainingReport,
)

FIRST_SAMPLES = 8


class SampleDetails(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The samples on which a rank was trained in the measured steps."""

    count: Annotated[Count, about("number of samples")]
    epoch_length: Annotated[PositiveCount, about("number of samples of one epoch")]
    first: Annotated[list[SampleKey], Meta(description="the first ones", max_length=FIRST_SAMPLES)]
    positions_sha256: Annotated[Sha256, about("of the positions of all samples")]
    repeated: Annotated[Count, about(f"samples that the rank had before in the same epoch, of the first {MAX_KEYS}")]
    shared: Annotated[Count, about("samples that a lower rank has in the same epoch, of as many")]
    same_content: Annotated[bool, about("whether different images gave the same sample")]


class RankTraining(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rank was trained on in the measured steps, and what these steps changed."""

    rank: Annotated[Count, about("number of the rank, from 0")]
    steps_before: Annotated[Count, about("steps of the training before the measured ones")]
    samples: SampleDetails
    input: ModelInput
    parameters: ParameterChange
    compile: Annotated[CompileReport | None, about("null without compilation")]


def training_details(results: Sequence[RankResult]) -> list[RankTraining]:
    """Of all ranks, in their order."""
    lower: set[tuple[str, int, int]] = set()
    found = []
    for result in results:
        report = result.report.training
        own: set[tuple[str, int, int]] = set()
        repeated = shared = 0
        for index, position in zip(report.indices, report.positions, strict=True):
            marks = {("position", position, 0), ("image", index, position // report.epoch_length)}
            repeated += not own.isdisjoint(marks)
            shared += not lower.isdisjoint(marks)
            own |= marks
        lower |= own
        found.append(_details(result.rank, report, repeated, shared))
    return found


def _details(rank: int, report: TrainingReport, repeated: int, shared: int) -> RankTraining:
    keys = zip(report.indices[:FIRST_SAMPLES], report.positions[:FIRST_SAMPLES], strict=True)
    return RankTraining(
        rank=rank,
        steps_before=report.steps_before,
        samples=SampleDetails(
            count=report.samples,
            epoch_length=report.epoch_length,
            first=[SampleKey(index, position) for index, position in keys],
            positions_sha256=report.positions_sha256,
            repeated=repeated,
            shared=shared,
            same_content=report.same_content,
        ),
        input=report.input,
        parameters=report.parameters,
        compile=report.compile,
    )
