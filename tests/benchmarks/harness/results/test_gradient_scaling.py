"""Steps that a gradient scaler skips: counted, and too many of them are a failure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.harness.protocol.records import StepRecord, is_skipped
from benchmarks.harness.results import speed
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.gradient_scaling import GradientScaling, gradient_scaling, scaling_contradictions
from benchmarks.harness.results.speed_artifact import SpeedDetails
from samples import finished_run, step_record

CASE = "psenet_mp_bs16_fp16_2"


def records(warmup: int, measured: int, skipped: Collection[int]) -> list[StepRecord]:
    """Of steps from 1 on, some of which were skipped; times as in the samples."""
    scale, made = 2.0**16, []
    for index in range(1, warmup + measured + 1):
        made.append(
            step_record(
                index,
                warmup=index <= warmup,
                device_seconds=0.5,
                samples=8,
                loss=1 / index,
                loss_scale=scale,
                skipped=index in skipped,
            )
        )
        scale = scale / 2 if index in skipped else scale
    return made


@pytest.mark.parametrize(
    ("scale", "following", "expected"),
    [(4.0, 2.0, True), (4.0, 4.0, False), (4.0, 8.0, False), (1e-45, 0.0, True), (0.0, 0.0, True)],
)
def test_a_skipped_step_halves_the_scale(scale: float, following: float, expected: bool) -> None:
    assert is_skipped(scale, following) is expected


def test_skips_are_counted_before_and_in_the_window_and_the_last_one_counts() -> None:
    found = gradient_scaling(records(3, 4, {1, 2, 7}))
    assert found == GradientScaling(skipped_warmup_steps=2, skipped_steps=1, final_scale=2.0**13)


def test_those_of_earlier_runs_of_a_training_are_added() -> None:
    found = gradient_scaling(records(0, 4, {2}), skipped_before=5)
    assert found is not None
    assert found.skipped_steps == 6


def test_without_a_scaler_there_is_nothing_to_count() -> None:
    assert gradient_scaling([step_record(1)]) is None


@pytest.mark.parametrize(
    ("final_scale", "steps", "possible"),
    [
        (2.0**16, 1999, True),
        (2.0**17, 1999, False),
        (2.0**17, 2000, True),
        (2.0**18, 2000, False),
        (2.0**15, 2000, False),
        (0.0, 2000, False),
    ],
)
def test_the_scale_is_doubled_after_2000_steps_without_a_skip(final_scale: float, steps: int, possible: bool) -> None:
    scaling = GradientScaling(skipped_warmup_steps=0, skipped_steps=0, final_scale=final_scale)
    assert (scaling_contradictions(scaling, "fp16", 0, steps) == []) is possible


def test_a_scale_that_has_become_0_is_that_of_very_many_skipped_steps() -> None:
    scaling = GradientScaling(skipped_warmup_steps=0, skipped_steps=170, final_scale=0.0)
    assert scaling_contradictions(scaling, "fp16", 0, 200) == []


@pytest.mark.parametrize(("steps", "skips", "fails"), [(100, 5, False), (100, 6, True), (10, 1, False), (10, 2, True)])
def test_a_case_that_skips_more_than_a_twentieth_of_its_steps_fails(steps: int, skips: int, fails: bool) -> None:
    run = finished_run(CASE, steps=steps, warmup_steps=20)
    skipped = {3, *range(21, 21 + skips)}  # one in the warm-up, which is no fault
    for rank, result in enumerate(run.results):
        run.results[rank] = structs.replace(result, records=tuple(records(20, steps, skipped)))
    artifact = speed.build(run, Path("x"), Path("index"))
    assert isinstance(artifact.details, SpeedDetails)
    scaling = artifact.details.gradient_scaling
    assert scaling == GradientScaling(skipped_warmup_steps=1, skipped_steps=skips, final_scale=2.0 ** (16 - 1 - skips))
    failure = failure_of(artifact)
    assert (failure is not None) is fails
    if failure is not None:
        assert failure.kind == "skipped_steps"
        assert failure.message.startswith(f"the gradient scaler skipped {skips} of {steps} measured steps because")


def test_ranks_that_skip_different_steps_fail() -> None:
    run = finished_run(CASE, steps=100, warmup_steps=20)
    run.results[1] = structs.replace(run.results[1], records=tuple(records(20, 100, {30})))
    failure = failure_of(speed.build(run, Path("x"), Path("index")))
    assert failure is not None
    assert (failure.kind, failure.rank) == ("rank_mismatch", 1)
