"""The largest batch for people: in one line, and as a row of the table at the end of a session."""

from __future__ import annotations

from benchmarks.harness.results.largest_batch_artifact import TRAINED, LargestBatchArtifact, LargestBatchDetails

HEADINGS = ("largest batch", "memory", "limit", "of", "fastest batch", "samples/s", "tries", "time")

SOURCES = {
    "gpu": "the GPU",
    "option": "--ocr-memory-limit",
    "control_group": "control group",
    "available_memory": "available memory",
}


def line(artifact: LargestBatchArtifact) -> str:
    """A good result in one line."""
    details = artifact.details
    assert isinstance(details, LargestBatchDetails)
    trained = sum(each.outcome == TRAINED for each in details.tries)
    bound = {
        "memory": "",
        "time": " (time is over: a lower bound)",
        "cap": " (no larger one is allowed: a lower bound)",
    }
    return (
        f"largest batch {details.largest_batch} per process{bound[details.ended_by]}, "
        f"limit {_size(details.memory_limit_bytes)} ({SOURCES[details.memory_limit_source]}); fastest of "
        f"{trained} that trained: {details.fastest_batch}, {_fastest_rate(details):.3f} samples/s"
    )


def cells(artifact: LargestBatchArtifact) -> list[str]:
    """The cells of a row under HEADINGS; empty if the search has no result."""
    details = artifact.details
    if not isinstance(details, LargestBatchDetails):
        return []
    return [
        f"{'>=' if details.lower_bound else ''}{details.largest_batch}",
        _size(details.run_peak_reserved_bytes or details.peak_memory_bytes),
        _size(details.memory_limit_bytes),
        SOURCES[details.memory_limit_source],
        f"{details.fastest_batch}",
        f"{_fastest_rate(details):.3f}",
        f"{len(details.tries)}",
        f"{details.total_seconds:.0f} s",
    ]


def _fastest_rate(details: LargestBatchDetails) -> float:
    return max((each.samples_per_second or 0.0 for each in details.tries), default=0.0)


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
