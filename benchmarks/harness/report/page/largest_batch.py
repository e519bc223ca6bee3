"""What the page shows of the search for the largest batch: throughput and memory over the batch, and each try."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.report.page.charts import lines
from benchmarks.harness.report.page.drawing import Line
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import MISSING, amount, mebibytes, percent, share, shown
from benchmarks.harness.report.page.sections import CasePage, Cell, Chart, KeyFigure, Lines, Note, Section, Table
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.largest_batch_artifact import (
    OUT_OF_MEMORY,
    TRAINED,
    BatchTry,
    LargestBatchDetails,
    UnfinishedLargestBatchDetails,
)
from benchmarks.harness.results.printable import shorten

MEBIBYTE = 2**20
HEADINGS = (
    "largest batch per process",
    "fastest batch per process",
    "samples/s",
    "memory (MiB)",
    "limit (MiB)",
    "tries",
)
X_LABEL = "batch per process (samples)"
SOURCES = {"gpu": "all of the GPU", "option": "--ocr-memory-limit"}
BOUNDS = {
    "cap": "No larger batch is allowed, so a larger one may train, too.",
    "time": "The time limit of all tries (--ocr-timeout) ended the search, so a larger batch may train, too.",
}
ADDRESS_SPACE = (
    "The limit counts the address space that the training adds, the peak only the memory that is used: a batch can be "
    "refused although its peak would be below the limit."
)
MAX_MESSAGE = 160
"""Characters of why a batch did not train; the artifact has all of them."""


def largest_batch_page(case: ShownCase) -> CasePage:
    """The row and the sections of a search."""
    details = details_of(case.artifact)
    if isinstance(details, LargestBatchDetails):
        return CasePage(_cells(details), [_result(details, on_gpu=case.artifact.gpu_num > 0), _tries(details.tries)])
    tries = details.tries if isinstance(details, UnfinishedLargestBatchDetails) else []
    found = [_tries(tries)] if tries else []
    return CasePage(dict.fromkeys(HEADINGS, MISSING) | {"tries": amount(len(tries))}, found)


def _memory(tried: BatchTry) -> int | None:
    return tried.peak_memory_bytes if tried.peak_reserved_bytes is None else tried.peak_reserved_bytes


def _fastest(details: LargestBatchDetails) -> BatchTry:
    return next(each for each in details.tries if each.batch_size_per_process == details.fastest_batch)


def _smallest_refused(details: LargestBatchDetails) -> int:
    return min(each.batch_size_per_process for each in details.tries if each.outcome == OUT_OF_MEMORY)


def _cells(details: LargestBatchDetails) -> dict[str, Cell]:
    largest = next(each for each in details.tries if each.batch_size_per_process == details.largest_batch)
    memory = _memory(largest)
    cells = (
        amount(details.largest_batch, f">= {details.largest_batch}" if details.lower_bound else None),
        amount(details.fastest_batch),
        amount(_fastest(details).samples_per_second),
        amount(None if memory is None else memory / MEBIBYTE),
        amount(details.memory_limit_bytes / MEBIBYTE),
        amount(len(details.tries)),
    )
    return dict(zip(HEADINGS, cells, strict=True))


def _result(details: LargestBatchDetails, *, on_gpu: bool) -> Section:
    fastest, limit = _fastest(details), details.memory_limit_bytes
    largest = f"{details.largest_batch} per process"
    bound = "a larger one may train, too" if details.lower_bound else f"{_smallest_refused(details)} runs out of memory"
    source = SOURCES.get(details.memory_limit_source, "a share of what the system leaves")
    figures = [
        KeyFigure("Largest batch", f"at least {largest}" if details.lower_bound else largest, bound),
        KeyFigure(
            "Fastest batch", f"{details.fastest_batch} per process", shown(fastest.samples_per_second or 0, "samples/s")
        ),
        *_of_the_case(details, fastest),
        KeyFigure("Limit of a process", mebibytes(limit), source),
    ]
    notes = [Note(BOUNDS[details.ended_by], "warning")] if details.ended_by in BOUNDS else []
    if not on_gpu:
        notes.append(Note(ADDRESS_SPACE, "muted"))
    trained = sorted(
        (each for each in details.tries if each.outcome == TRAINED), key=lambda each: each.batch_size_per_process
    )
    return Section(
        "Largest batch",
        figures=figures,
        notes=notes,
        charts=_charts(trained, limit, "" if on_gpu else " of address space"),
    )


def _of_the_case(details: LargestBatchDetails, fastest: BatchTry) -> list[KeyFigure]:
    """What the batch of the case, which is tried first, has of the highest throughput; empty if it did not train."""
    first, highest = details.tries[0].samples_per_second, fastest.samples_per_second
    if first is None or not highest:
        return []
    remark = f"{shown(first, 'samples/s')}, {percent(first / highest)} of the fastest"
    return [KeyFigure("Batch of the case", f"{details.batch_size_per_process} per process", remark)]


def _charts(trained: Sequence[BatchTry], limit: int, limited: str) -> list[Chart]:
    """Of one point there is nothing to see."""
    if len(trained) < 2:
        return []
    rates = [(each.batch_size_per_process, each.samples_per_second) for each in trained]
    sizes = [
        (each.batch_size_per_process, None if (size := _memory(each)) is None else size / MEBIBYTE) for each in trained
    ]
    return [
        lines(
            "Throughput by batch",
            "Samples per second of each try that trained. Its steps are few, so this is a hint.",
            [Line("samples/s", rates, dots=True)],
            x_label=X_LABEL,
            y_label="samples/s",
        ),
        lines(
            "Memory by batch",
            f"Peak memory of each try that trained, and the limit of {mebibytes(limit)}{limited}.",
            [Line("peak", sizes, dots=True)],
            x_label=X_LABEL,
            y_label="MiB",
            level=(limit / MEBIBYTE, f"limit {mebibytes(limit)}{limited}"),
        ),
    ]


def _tries(tries: Sequence[BatchTry]) -> Section:
    """Why a batch did not train is below the table: a column for it would make a row very high on a phone."""
    headings = ("try", X_LABEL, "outcome", "samples/s", "data wait", "memory (MiB)", "seconds")
    rows: list[list[Cell | str]] = []
    for number, each in enumerate(tries, start=1):
        memory = _memory(each)
        rows.append(
            [
                amount(number),
                amount(each.batch_size_per_process),
                Cell(each.outcome.replace("_", " "), tone="good" if each.outcome == TRAINED else ""),
                amount(each.samples_per_second),
                share(each.data_wait_fraction),
                amount(None if memory is None else memory / MEBIBYTE),
                amount(each.seconds),
            ]
        )
    reasons = [
        f"batch {each.batch_size_per_process}: {shorten(each.message, MAX_MESSAGE)}" for each in tries if each.message
    ]
    texts = [Lines("Why batches did not train", reasons)] if reasons else []
    return Section("Tries", tables=[Table("Each try, in fresh processes", headings, rows)], texts=texts)
