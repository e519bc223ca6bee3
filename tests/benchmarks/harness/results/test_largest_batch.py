"""From the tries of a search to its artifact, which the gate would accept or refuse."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.controller.planning import new_run
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import largest_batch, largest_batch_table, store
from benchmarks.harness.results.checks.case import case_contradictions, measured_contradictions
from benchmarks.harness.results.checks.largest_batch import contradictions
from benchmarks.harness.results.formats import LARGEST_BATCH
from benchmarks.harness.results.largest_batch_artifact import (
    LargestBatchArtifact,
    LargestBatchDetails,
    UnfinishedLargestBatchDetails,
)
from benchmarks.harness.results.validation import problems
from searches import CASE, FULL, above, artifact_of, batches, end_try, planned_try, searched


def details_of(artifact: LargestBatchArtifact) -> LargestBatchDetails:
    assert isinstance(artifact.details, LargestBatchDetails)
    return artifact.details


def of_failure(artifact: LargestBatchArtifact) -> UnfinishedLargestBatchDetails:
    assert problems(store.to_document(artifact), LARGEST_BATCH) == []
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)
    assert isinstance(artifact.details, UnfinishedLargestBatchDetails)
    return artifact.details


@pytest.mark.parametrize(
    ("case", "source"),
    [(CASE, "available_memory"), ("psenet_mp_bs16_fp32_cpu2", "available_memory"), ("psenet_sp_bs8_fp32_1", "gpu")],
)
def test_a_search_that_ended_is_good_and_the_gate_accepts_it(case: str, source: str) -> None:
    run = searched(above(50), case)
    artifact = artifact_of(run)
    details = details_of(artifact)
    assert problems(store.to_document(artifact), LARGEST_BATCH) == []
    assert (artifact.FINAL_RESULT, artifact.UNIT, artifact.index, artifact.JOB_FAIL_FLAG) == (48, "samples", 6, 0)
    assert batches(run) == [each.batch_size_per_process for each in details.tries] == [8, 16, 32, 64, 48, 56]
    assert [each.outcome for each in details.tries] == [
        "trained" if each.case.batch_size_per_process <= 50 else "out_of_memory" for each in run.tries
    ]
    assert (details.largest_batch, details.fastest_batch, details.ended_by, details.lower_bound) == (
        48,
        48,
        "memory",
        False,
    )
    processes = run.case.processes
    assert details.tries[0].samples_per_second == pytest.approx(8 * processes / 0.5)
    assert (details.peak_memory_bytes, details.total_seconds, details.memory_limit_source) == (48 * 10**6, 61.0, source)
    assert (details.batch_size_per_process, details.training[0].input.shape[0]) == (8, 48)
    assert contradictions(artifact) == []
    assert case_contradictions(artifact, run.case, f"{run.case.log_name}_largest_batch") == []
    assert measured_contradictions(details, run.case) == []
    assert "largest batch 48 per process, limit 931.32 GiB" in largest_batch_table.line(artifact)
    assert len(largest_batch_table.cells(artifact)) == len(largest_batch_table.HEADINGS)


def test_a_search_that_time_ends_has_a_lower_bound() -> None:
    late = Failure("timeout", "not done after 40 s (--ocr-timeout), in warm-up, step 2 of 8")
    for run in (searched(above(50), most_tries=3), searched(above(50, late))):
        artifact = artifact_of(run)
        details = details_of(artifact)
        assert (artifact.FINAL_RESULT, details.ended_by, details.lower_bound) == (details.largest_batch, "time", True)
        assert contradictions(artifact) == []
        assert "a lower bound" in largest_batch_table.line(artifact)
        assert largest_batch_table.cells(artifact)[0].startswith(">=")


def test_a_search_ends_at_the_largest_batch_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.harness.results.largest_batch.MAX_BATCH_SIZE", 40)
    monkeypatch.setattr("benchmarks.harness.results.checks.largest_batch.MAX_BATCH_SIZE", 40)
    artifact = artifact_of(searched(above(10**6)))
    details = details_of(artifact)
    assert (artifact.FINAL_RESULT, details.ended_by, details.lower_bound) == (40, "cap", True)
    assert artifact.JOB_FAIL_FLAG == 0


def test_a_try_that_fails_for_another_reason_fails_the_case_and_is_named() -> None:
    run = searched(above(20, Failure("device", "CUDA error: unknown error", 0)))
    assert batches(run) == [8, 16, 32]
    details = of_failure(artifact_of(run))
    assert details.failure == Failure("device", "batch 32 per process: CUDA error: unknown error", 0)
    assert [each.outcome for each in details.tries] == ["trained", "trained", "device"]


def test_a_case_of_which_not_even_one_sample_fits_has_run_out_of_memory() -> None:
    details = of_failure(artifact_of(searched(above(0))))
    assert details.failure.kind == "out_of_memory"
    assert details.failure.message.startswith("not even a batch of 1 per process trains: MemoryError")
    assert [each.batch_size_per_process for each in details.tries] == [8, 4, 2, 1]


def test_a_search_that_time_ends_before_a_batch_trained_has_failed() -> None:
    late = Failure("timeout", "not done after 40 s")
    for run in (searched(above(0, late)), searched(above(0), most_tries=2), searched(above(0), most_tries=0)):
        failure = of_failure(artifact_of(run)).failure
        assert (failure.kind, "no batch has trained within 900 s" in failure.message) == ("timeout", True)


def test_an_interrupted_search_keeps_its_tries() -> None:
    run = searched(above(50), most_tries=2)
    run.tries.append(
        end_try(new_run(planned_try(run), strict_machine=False), Failure("interrupted", "ended by Ctrl-C"))
    )
    assert largest_batch.next_plan(run) is None
    details = of_failure(artifact_of(run))
    assert details.failure == Failure("interrupted", "batch 32 per process: ended by Ctrl-C")
    assert [each.outcome for each in details.tries] == ["trained", "trained", "interrupted"]


def test_a_try_whose_steps_did_not_train_its_batch_fails_the_case() -> None:
    """The loader delivers batches of one sample: they fit, whatever the batch is called."""
    run = searched(above(50), most_tries=1)
    run.tries.append(end_try(new_run(planned_try(run), strict_machine=False), samples=5))
    failure = of_failure(artifact_of(run)).failure
    assert failure.kind == "wrong_result"
    assert failure.message.startswith("batch 16 per process: 5 steps trained 5 samples")


def test_a_line_for_each_try() -> None:
    run = searched(above(8))
    assert [largest_batch.try_line(each) for each in run.tries] == [
        "batch 8 per process: trained, 16.000 samples/s, 8 MiB",
        f"batch 16 per process: out_of_memory (rank 0): {FULL.message}",
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"largest_batch": 56}, "details.largest_batch: 56, but the other details yield 48"),
        ({"fastest_batch": 8}, "details.fastest_batch: 8"),
        ({"ended_by": "time", "lower_bound": True}, "details.ended_by: time, but the tries yield memory"),
        ({"lower_bound": True}, "details.lower_bound"),
        ({"peak_memory_bytes": 1}, "details.peak_memory_bytes"),
        ({"total_seconds": 9.0}, "details.total_seconds: 9, but the tries took 60 s"),
        ({"batch_size_per_process": 16}, "try 1 is of batch 8, but the search makes batch 16"),
    ],
)
def test_the_gate_recomputes_what_follows_from_the_tries(changes: dict[str, Any], named: str) -> None:
    artifact = artifact_of(searched(above(50)))
    wrong = structs.replace(artifact, details=structs.replace(details_of(artifact), **changes))
    assert any(named in line for line in contradictions(wrong)), contradictions(wrong)


@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        (3, {"outcome": "trained"}, "try 4 trained, but lacks a figure or has a message"),
        (1, {"outcome": "device"}, "try 2 ended with device"),
        (1, {"samples_per_second": None}, "try 2 trained, but lacks a figure"),
        (3, {"samples_per_second": 1.0}, "try 4 did not train, but has a figure"),
        (1, {"batch_size_per_process": 24}, "try 2 is of batch 24, but the search makes batch 16"),
    ],
)
def test_the_gate_follows_the_search(number: int, changes: dict[str, Any], named: str) -> None:
    artifact = artifact_of(searched(above(50)))
    details = details_of(artifact)
    tries = [structs.replace(each, **changes) if at == number else each for at, each in enumerate(details.tries)]
    wrong = structs.replace(artifact, details=structs.replace(details, tries=tries))
    assert any(named in line for line in contradictions(wrong)), contradictions(wrong)
