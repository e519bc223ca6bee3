"""Whether the details of a search for the largest batch contradict each other: each try must be the one that the search
makes after those before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from benchmarks.cases import MAX_BATCH_SIZE
from benchmarks.harness.results.batch_search import BatchSearch, Tried, contradicting
from benchmarks.harness.results.checks.case import mismatch, result_mismatch
from benchmarks.harness.results.checks.training import describe_problems, training_problems
from benchmarks.harness.results.largest_batch_artifact import (
    OUT_OF_MEMORY,
    TIMEOUT,
    TRAINED,
    BatchTry,
    LargestBatchArtifact,
    LargestBatchDetails,
)
from benchmarks.harness.results.rank_differences import describe_mismatch

FIGURES = ("samples_per_second", "data_wait_fraction", "peak_memory_bytes")


def contradictions(artifact: LargestBatchArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each. For the gate."""
    details = artifact.details
    if not isinstance(details, LargestBatchDetails):
        return ["details.source: unfinished_run, but JOB_FAIL_FLAG is 0"]
    trained = [each for each in details.tries if each.outcome == TRAINED]
    if not trained:
        return ["details.tries: none trained, but JOB_FAIL_FLAG is 0"]
    of_training = structs.replace(details, batch_size_per_process=details.largest_batch)
    return [
        *_of_tries(details.tries),
        *_of_search(details),
        *_of_results(details, trained),
        *result_mismatch(artifact, details.largest_batch),
        *describe_problems(training_problems(of_training, details.measured_steps, details.warmup_steps)),
        *describe_mismatch(details.rank_differences),
    ]


def _of_tries(tries: Sequence[BatchTry]) -> list[str]:
    """What each try says of itself."""
    found = []
    for number, each in enumerate(tries, start=1):
        last = number == len(tries)
        if each.outcome not in (TRAINED, OUT_OF_MEMORY) and not (last and each.outcome == TIMEOUT):
            found.append(f"details.tries: try {number} ended with {each.outcome}, but JOB_FAIL_FLAG is 0")
        figures = [getattr(each, name) for name in FIGURES]
        if each.outcome == TRAINED and (None in figures or each.message is not None):
            found.append(f"details.tries: try {number} trained, but lacks a figure or has a message")
        if each.outcome != TRAINED and (any(figure is not None for figure in figures) or each.message is None):
            found.append(f"details.tries: try {number} did not train, but has a figure or lacks a message")
    return found


def _of_search(details: LargestBatchDetails) -> list[str]:
    """Whether these are the tries of the search, and whether it has ended."""
    search = BatchSearch(details.batch_size_per_process, MAX_BATCH_SIZE // details.processes)
    tried: list[Tried] = []
    for number, each in enumerate(details.tries, start=1):
        batch = each.batch_size_per_process
        if (expected := search.next_batch(tried)) != batch:
            wanted = "no further one" if expected is None else f"batch {expected}"
            return [f"details.tries: try {number} is of batch {batch}, but the search makes {wanted}"]
        if each.outcome in (TRAINED, OUT_OF_MEMORY):
            tried.append(Tried(batch, each.outcome == TRAINED))
    if (pair := contradicting(tried)) is not None:
        return [f"details.tries: batch {pair[1]} trained, but the smaller {pair[0]} ran out of memory"]
    open_end = search.next_batch(tried) is not None
    ending = "time" if open_end else "cap" if details.largest_batch >= search.most else "memory"
    if details.ended_by != ending:
        return [f"details.ended_by: {details.ended_by}, but the tries yield {ending}"]
    return []


def _of_results(details: LargestBatchDetails, trained: Sequence[BatchTry]) -> list[str]:
    largest = max(trained, key=lambda each: each.batch_size_per_process)
    fastest = max(trained, key=lambda each: each.samples_per_second or 0.0)
    found = [
        *mismatch("largest_batch", details.largest_batch, largest.batch_size_per_process),
        *mismatch("fastest_batch", details.fastest_batch, fastest.batch_size_per_process),
        *mismatch("lower_bound", details.lower_bound, details.ended_by != "memory"),
        *mismatch("peak_memory_bytes", details.peak_memory_bytes, largest.peak_memory_bytes),
        *mismatch("run_peak_reserved_bytes", details.run_peak_reserved_bytes, largest.peak_reserved_bytes),
    ]
    seconds = sum(each.seconds for each in details.tries)
    if details.total_seconds < seconds * (1 - 1e-9):
        found.append(f"details.total_seconds: {details.total_seconds:g}, but the tries took {seconds:g} s")
    reserved = largest.peak_reserved_bytes
    if reserved is not None and reserved > details.memory_limit_bytes:
        found.append(f"details.memory_limit_bytes: {details.memory_limit_bytes}, but {reserved} bytes were reserved")
    return found
