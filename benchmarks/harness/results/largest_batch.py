"""The largest batch that trains: from the tries so far to the next one, and from all of them to the artifact."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.cases import MAX_BATCH_SIZE, Case
from benchmarks.harness.protocol.largest_batch import LargestBatchParameters, LargestBatchReport, memory_limit
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.artifact import MeasuredDetails
from benchmarks.harness.results.batch_search import BatchSearch, Tried
from benchmarks.harness.results.checks.largest_batch import contradictions
from benchmarks.harness.results.checks.ranks import disagreement
from benchmarks.harness.results.checks.training import training_problems, wrong_training
from benchmarks.harness.results.common import describe_failure, header, largest_peaks, measured_fields, plan_fields
from benchmarks.harness.results.formats import LARGEST_BATCH
from benchmarks.harness.results.largest_batch_artifact import (
    OUT_OF_MEMORY,
    TIMEOUT,
    TRAINED,
    BatchTry,
    Ending,
    LargestBatchArtifact,
    LargestBatchDetails,
    UnfinishedLargestBatchDetails,
)
from benchmarks.harness.results.measurement import Parameters
from benchmarks.harness.results.printable import shorten
from benchmarks.harness.results.statistics import throughput

MAX_LINE = 200  # of a message: torch's are long, and the artifact has all of them

STEPS, WARMUP_STEPS = 5, 3


def parameters(case: Case, settings: Settings) -> Parameters:
    """Few steps: what does not fit into memory shows in the first ones."""
    return Parameters(
        own=memory_limit(case.device, settings.memory_limit_bytes, case.processes),
        steps=STEPS,
        warmup_steps=WARMUP_STEPS if settings.warmup_steps is None else settings.warmup_steps,
    )


def search_of(case: Case) -> BatchSearch:
    """The search for the largest batch of one process of a case."""
    return BatchSearch(case.batch_size_per_process, MAX_BATCH_SIZE // case.processes)


def next_plan(run: Run) -> Plan | None:
    """The plan of the next try; None if the search has ended, or a try has failed for another reason than memory."""
    outcomes = [_outcome(each) for each in run.tries]
    if not {TRAINED, OUT_OF_MEMORY}.issuperset(outcomes):
        return None
    batch = search_of(run.case).next_batch(_tried(run))
    if batch is None:
        return None
    return structs.replace(run.plan, case=dataclasses.replace(run.case, batch_size=batch * run.case.processes))


def failure_of_search(run: Run) -> Failure | None:
    """Why the search has no result; None if a batch trained, and none failed for another reason than memory or time."""
    last = run.tries[-1] if run.tries else None
    failure = None if last is None else _failure_of_try(last)
    if last is not None and failure is not None and failure.kind not in (OUT_OF_MEMORY, TIMEOUT):
        message = f"batch {last.case.batch_size_per_process} per process: {failure.message}"
        return structs.replace(failure, message=message)
    if any(each.trained for each in _tried(run)):
        return None
    if last is not None and failure is not None and last.case.batch_size_per_process == 1 and failure.kind != TIMEOUT:
        message = f"not even a batch of 1 per process trains: {failure.message}"
        return structs.replace(failure, message=message)
    limit = run.plan.timeout_seconds
    reason = (
        ""
        if last is None or failure is None
        else f"; last try, batch {last.case.batch_size_per_process}: {failure.message}"
    )
    return Failure(TIMEOUT, f"no batch has trained within {limit:g} s (--ocr-timeout){reason}")


def try_line(each: Run) -> str:
    """A try that has ended, in one line."""
    batch, failure = f"batch {each.case.batch_size_per_process} per process", _failure_of_try(each)
    if failure is not None:
        return f"{batch}: {shorten(describe_failure(failure), MAX_LINE)}"
    peak = largest_peaks([result.report.memory for result in each.results]).peak_memory_bytes
    return f"{batch}: trained, {throughput(each.results):.3f} samples/s, {peak / 2**20:.0f} MiB"


def build(run: Run, log_path: Path, _artifact_folder: Path) -> LargestBatchArtifact:
    """The JSON of a search, whose tries are `run.tries`."""
    failure = run.failure or failure_of_search(run)
    if failure is not None:
        return LargestBatchArtifact(
            **header(run, log_path, LARGEST_BATCH, value=0, failure=failure), details=_unfinished(run, failure)
        )
    details = _finished(run)
    artifact = LargestBatchArtifact(
        **header(run, log_path, LARGEST_BATCH, value=details.largest_batch, failure=None), details=details
    )
    if problems := contradictions(artifact):
        wrong = structs.replace(details, failure=Failure("wrong_result", problems[0]))
        return structs.replace(artifact, FINAL_RESULT=0, JOB_FAIL_FLAG=1, details=wrong)
    return artifact


def _outcome(each: Run) -> str:
    failure = _failure_of_try(each)
    return TRAINED if failure is None else failure.kind


def _tried(run: Run) -> list[Tried]:
    """The tries that have trained or run out of memory."""
    outcomes = [(each.case.batch_size_per_process, _outcome(each)) for each in run.tries]
    return [Tried(batch, outcome == TRAINED) for batch, outcome in outcomes if outcome in (TRAINED, OUT_OF_MEMORY)]


def _failure_of_try(each: Run) -> Failure | None:
    """Why a batch has not trained. One whose steps did not train what they should has not, either."""
    if each.failure is not None:
        return each.failure
    details = MeasuredDetails(**plan_fields(each), **measured_fields(each))
    return disagreement(each.results) or wrong_training(
        training_problems(details, details.measured_steps, details.warmup_steps)
    )


def _batch_try(each: Run) -> BatchTry:
    failure = _failure_of_try(each)
    batch = each.case.batch_size_per_process
    if failure is not None:
        return BatchTry(
            batch_size_per_process=batch,
            outcome=failure.kind,
            samples_per_second=None,
            data_wait_fraction=None,
            peak_memory_bytes=None,
            peak_reserved_bytes=None,
            seconds=each.seconds,
            message=failure.message,
        )
    peaks = largest_peaks([result.report.memory for result in each.results])
    waits = [result.data_wait_seconds / result.measured_seconds for result in each.results]
    return BatchTry(
        batch_size_per_process=batch,
        outcome=TRAINED,
        samples_per_second=throughput(each.results),
        data_wait_fraction=min(1.0, sum(waits) / len(waits)),
        peak_memory_bytes=peaks.peak_memory_bytes,
        peak_reserved_bytes=peaks.run_peak_reserved_bytes,
        seconds=each.seconds,
        message=None,
    )


def _finished(run: Run) -> LargestBatchDetails:
    trained = [each for each in run.tries if _outcome(each) == TRAINED]
    largest = max(trained, key=lambda each: each.case.batch_size)
    fastest = max(trained, key=lambda each: throughput(each.results))
    reports = [msgspec.json.decode(result.own, type=LargestBatchReport) for result in largest.results]
    free = [each.free_bytes for each in reports if each.free_bytes is not None]
    ending = _ending(run, largest.case.batch_size_per_process)
    return LargestBatchDetails(
        **plan_fields(run),
        **measured_fields(largest) | {"total_seconds": run.seconds},
        largest_batch=largest.case.batch_size_per_process,
        fastest_batch=fastest.case.batch_size_per_process,
        ended_by=ending,
        lower_bound=ending != "memory",
        memory_limit_bytes=min(each.memory_limit_bytes for each in reports),
        memory_limit_source=_parameters(run).memory_limit_source,
        memory_free_bytes=min(free) if free else None,
        time_limit_seconds=run.plan.timeout_seconds,
        tries=[_batch_try(each) for each in run.tries],
    )


def _ending(run: Run, largest: int) -> Ending:
    search = search_of(run.case)
    if search.next_batch(_tried(run)) is not None:
        return "time"
    return "cap" if largest >= search.most else "memory"


def _unfinished(run: Run, failure: Failure) -> UnfinishedLargestBatchDetails:
    parameters = _parameters(run)
    return UnfinishedLargestBatchDetails(
        **plan_fields(run),
        steps_done=len(run.tries[-1].records) if run.tries else 0,
        total_seconds=run.seconds,
        failure=failure,
        memory_limit_bytes=parameters.memory_limit_bytes,
        memory_limit_source=parameters.memory_limit_source,
        time_limit_seconds=run.plan.timeout_seconds,
        tries=[_batch_try(each) for each in run.tries],
    )


def _parameters(run: Run) -> LargestBatchParameters:
    return run.plan.parameters_as(LargestBatchParameters)
