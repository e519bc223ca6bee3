from __future__ import annotations

import pytest

from benchmarks.harness.controller.abort import AbortReader


def reader_of(*lines: str) -> AbortReader:
    reader = AbortReader()
    for line in lines:
        reader.read(line)
    return reader


@pytest.mark.parametrize(
    ("name", "message", "kind", "line"),
    [
        (
            "c10::AcceleratorError",
            "CUDA error: unspecified launch failure",
            "device",
            "AcceleratorError: CUDA error: unspecified launch failure; look for Xid",
        ),
        (
            "c10::DistBackendError",
            "[PG ID 0 PG GUID 0(default_pg) Rank 1] Process group watchdog thread terminated with exception: "
            "CUDA error: an illegal memory access was encountered",
            "device",
            r"CUDA_LAUNCH_BLOCKING=1 shows the operation",
        ),
        ("std::bad_alloc", "std::bad_alloc", "out_of_memory", "bad_alloc: std::bad_alloc"),
        (
            "c10::DistBackendError",
            "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7, OpType=ALLREDUCE)",
            "hang",
            "DistBackendError: [Rank 0] Watchdog caught",
        ),
        ("std::out_of_range", "map::at", "killed", "out_of_range: map::at"),
    ],
)
def test_the_exception_that_ends_a_process_has_a_kind_and_a_line(name: str, message: str, kind: str, line: str) -> None:
    reader = reader_of(
        "step 3",
        f"terminate called after throwing an instance of '{name}'",
        "step 3 of another rank",
        f"  what():  {message}",
        "Search for `cudaErrorUnknown' in https://example.com",
    )
    assert reader.kind == kind
    assert reader.line is not None
    assert line in reader.line


def test_the_first_of_several_exceptions_counts() -> None:
    first = ("terminate called after throwing an instance of 'c10::Error'", "  what():  the first")
    second = ("terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc")
    reader = reader_of(*first, *second)
    assert (reader.kind, reader.line) == ("killed", "Error: the first")


@pytest.mark.parametrize(
    "lines",
    [
        ("  what():  CUDA error: unknown error",),
        ("terminate called without an active exception", "what(): CUDA error: unknown error"),
        ("terminate called after throwing an instance of 'int'", "Aborted"),
    ],
)
def test_other_lines_are_no_reason(lines: tuple[str, ...]) -> None:
    reader = reader_of(*lines)
    assert (reader.kind, reader.line) == ("killed", None)
