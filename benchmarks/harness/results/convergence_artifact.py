"""The convergence artifact: its own fields and its `details`."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from benchmarks.harness.protocol.quantities import (
    Count,
    Fraction,
    PositiveCount,
    PositiveSeconds,
    SamplesPerSecond,
    Seconds,
    Text,
    about,
)
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.artifact import Header, MeasuredDetails, UnfinishedDetails

CurvePoint = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["step", "loss"]})]
ScorePoint = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["step", "training_seconds"]})]


class ConvergenceDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a convergence case that reached its end."""

    target: Annotated[Fraction, about("of convergence_value")]
    evaluations: Annotated[PositiveCount, about("on the held-out split, evenly spread over the steps")]
    training_seconds: Annotated[
        PositiveSeconds, about("slowest rank, without evaluations and checkpoints, earlier interrupted runs included")
    ]
    samples_per_second: SamplesPerSecond
    held_out_samples: Annotated[PositiveCount, about("number of samples of the held-out split")]
    held_out_is_training: Annotated[
        bool,
        about("whether the training samples are scored instead: that shows that the training works, no more"),
    ]
    augmented: Annotated[bool, about("whether the model's augmentation, if it has one, changed the training samples")]
    resumed_at: Annotated[list[Count], about("steps after which the training was interrupted and resumed")]
    kept: Annotated[list[str], about("checkpoint and what was evaluated")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class UnfinishedConvergenceDetails(UnfinishedDetails, frozen=True, kw_only=True, tag="unfinished_run"):
    """Details of a convergence case that did not reach its end."""

    target: Annotated[Fraction, about("of convergence_value")]
    evaluations: Annotated[PositiveCount, about("on the held-out split, evenly spread over the steps")]


class TimeToScore(Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a score was reached."""

    value: Annotated[Fraction, about("a tenth, two tenths, ... of the target")]
    seconds: Annotated[Seconds | None, about("of training, to the first evaluation that reached it; null if none did")]


class ConvergenceArtifact(Header, frozen=True, kw_only=True):
    """Convergence JSON of one OCR training case."""

    convergence_key: Annotated[Text, about("name of the score, for example hmean")]
    convergence_value: Annotated[
        Fraction | None, about("score on the held-out split after the last step; null if the training did not reach it")
    ]
    loss_curve: Annotated[
        list[CurvePoint], about("step and the mean of each loss over the steps since the previous point, rank 0")
    ]
    scores: Annotated[
        list[ScorePoint], about("step, training_seconds and the scores of each evaluation, each from 0 to 1")
    ]
    seconds_to_tenths: Annotated[list[TimeToScore], Meta(min_length=10, max_length=10)]
    details: ConvergenceDetails | UnfinishedConvergenceDetails
