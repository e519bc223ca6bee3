"""A trace in the form in which torch exports it, hand-made, as typed events."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.harness.worker.profiling.events import read_events


def traced(*events: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 1, "traceEvents": list(events)}).encode()


def complete(category: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": category, "name": name, "pid": 5, "tid": 7, "ts": 100.5, "dur": 2, "args": arguments}


def test_an_operator_has_its_links_and_the_shapes_of_its_tensors() -> None:
    arguments = {
        "External id": 3,
        "Sequence number": 41,
        "Fwd thread id": 1,
        "Input Dims": [[[1, 25], [2, 25]], [], [4]],
    }
    (found,) = read_events(traced(complete("cpu_op", "aten::cat", **arguments)))
    assert (found.kind, found.begin, found.end, found.thread) == ("operator", 100.5, 102.5, 7)
    assert (found.external, found.sequence, found.of_backward) == (3, 41, True)
    assert found.shapes == ((1, 25), (2, 25), (4,))


def test_work_of_the_device_has_its_stream_and_its_call() -> None:
    events = [
        complete("kernel", "gemm", **{"External id": 3, "correlation": 9, "stream": 7, "grid": [1, 1, 1]}),
        complete("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", correlation=10, bytes=4),
        complete("gpu_memset", "Memset (Device)", correlation=11),
        complete("cuda_runtime", "cudaLaunchKernel", correlation=9, cbid=211),
    ]
    found = read_events(traced(*events))
    assert [(each.kind, each.correlation) for each in found] == [
        ("kernel", 9),
        ("copy", 10),
        ("kernel", 11),
        ("call", 9),
    ]


def test_what_repeats_or_links_other_events_is_left_out() -> None:
    """Ranges on the timeline of the device, arrows, names of processes, and the spans of the profiler itself."""
    others = [
        complete("gpu_user_annotation", "forward"),
        {"ph": "s", "cat": "ac2g", "name": "ac2g", "id": 1, "pid": 5, "tid": 7, "ts": 1},
        {"ph": "M", "name": "process_name", "pid": 5, "tid": 0, "ts": 0, "args": {"name": "python"}},
        complete("Trace", "PyTorch Profiler (0)") | {"tid": "PyTorch Profiler", "pid": "Spans"},
    ]
    assert read_events(traced(*others)) == []


def test_an_event_comes_before_those_that_it_contains() -> None:
    inner = complete("cpu_op", "aten::mm") | {"dur": 1}
    found = read_events(traced(inner, complete("cpu_op", "aten::linear")))
    assert [each.name for each in found] == ["aten::linear", "aten::mm"]
