"""The artifact of the largest batch: its `details`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from benchmarks.harness.protocol.largest_batch import MemorySource
from benchmarks.harness.protocol.quantities import (
    Bytes,
    Fraction,
    Line,
    PositiveBytes,
    PositiveCount,
    PositiveSeconds,
    SamplesPerSecond,
    Seconds,
    about,
)
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.artifact import Header, MeasuredDetails, UnfinishedDetails

TRAINED, OUT_OF_MEMORY, TIMEOUT = "trained", "out_of_memory", "timeout"
"""Outcomes of a try. Any other is the kind of the failure that ended the search."""

Ending = Literal["memory", "cap", "time"]


class BatchTry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One try, in fresh processes. Its figures are null if the batch did not train."""

    batch_size_per_process: Annotated[PositiveCount, about("samples per step of one rank")]
    outcome: Annotated[
        str,
        Meta(
            description="trained, out_of_memory, timeout (the time limit of all tries ended it), or kind of the "
            "failure that ended the search",
            pattern="^[a-z]+(_[a-z]+)*$",
        ),
    ]
    samples_per_second: Annotated[
        SamplesPerSecond | None, about("of all ranks in the measured steps; a hint, as these steps are few")
    ]
    data_wait_fraction: Annotated[
        Fraction | None, about("part of the measured steps spent waiting for data, mean of the ranks")
    ]
    peak_memory_bytes: Annotated[
        PositiveBytes | None,
        about("of the rank that used most: on a GPU allocated in the measured steps, on the CPU resident, the run's"),
    ]
    peak_reserved_bytes: Annotated[
        PositiveBytes | None, about("what torch had reserved on a GPU, warm-up included; null on the CPU")
    ]
    seconds: Annotated[Seconds, about("from launch to end")]
    message: Annotated[Line | None, about("why the batch did not train; null if it did")]


class LargestBatchDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a search that found a batch that trains. What ranks report (memory, precision, device, data,
    environment, training, ...) is that of the try with the largest batch; `batch_size_per_process` is that of the
    case, which was tried first.
    """

    largest_batch: Annotated[PositiveCount, about("largest batch per process that trained")]
    fastest_batch: Annotated[PositiveCount, about("batch per process of the try with the highest throughput")]
    ended_by: Annotated[
        Ending,
        about(
            "memory: the next larger batch of the search runs out of memory; cap: no larger one is allowed; "
            "time: limit of all tries"
        ),
    ]
    lower_bound: Annotated[bool, about("whether a larger batch may train, too: unless `ended_by` is memory")]
    memory_limit_bytes: Annotated[PositiveBytes, about("of one process")]
    memory_limit_source: Annotated[
        MemorySource,
        about("gpu: all of its memory; option: --ocr-memory-limit; else a share of what the system leaves"),
    ]
    memory_free_bytes: Annotated[
        Bytes | None,
        about("of the GPU's memory as the training began, least of the ranks: others use the rest; null on the CPU"),
    ]
    time_limit_seconds: Annotated[PositiveSeconds, about("--ocr-timeout: of all tries together")]
    tries: Annotated[list[BatchTry], Meta(description="in their order", min_length=1)]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class UnfinishedLargestBatchDetails(UnfinishedDetails, frozen=True, kw_only=True, tag="unfinished_run"):
    """Details of a search that failed. `steps_done` are those of the last try."""

    memory_limit_bytes: Annotated[PositiveBytes | None, about("of one process; null for all of a GPU's memory")]
    memory_limit_source: MemorySource
    time_limit_seconds: Annotated[PositiveSeconds, about("--ocr-timeout: of all tries together")]
    tries: Annotated[list[BatchTry], about("that were made, in their order")]


class LargestBatchArtifact(Header, frozen=True, kw_only=True):
    """JSON of the largest batch of one OCR training case."""

    details: LargestBatchDetails | UnfinishedLargestBatchDetails
