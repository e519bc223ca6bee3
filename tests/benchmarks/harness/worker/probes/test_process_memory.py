"""Memory of this process: its peak since a reset, by the kernel and by samples, and what malloc has given out."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from benchmarks.harness.worker.probes import process_memory
from benchmarks.harness.worker.probes.process_memory import (
    ResidentPeak,
    loader_peak_bytes,
    malloc_bytes,
    resident_bytes,
    run_peak_bytes,
    status_bytes,
    trim_malloc,
)

MEBIBYTE = 2**20


def touched(mebibytes: int) -> torch.Tensor:
    return torch.ones(mebibytes * MEBIBYTE, dtype=torch.uint8)


def refused() -> None:
    raise PermissionError


@pytest.mark.parametrize("source", ["kernel", "samples"])
def test_the_peak_is_that_since_the_last_restart(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "samples":
        monkeypatch.setattr(process_memory, "_reset_peak", refused)
    peak = ResidentPeak()
    if peak.source != source:
        pytest.skip("this kernel does not reset the peak of a process")
    for expected in (128, 0):  # the second time nothing is allocated
        trim_malloc()
        peak.restart()
        before = resident_bytes()
        tensor = touched(expected)
        time.sleep(0.1 if source == "samples" else 0)
        del tensor
        grown = peak.bytes() - before
        assert expected - 16 < grown / MEBIBYTE < expected + 64
    peak.close()


def test_malloc_knows_what_it_has_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    before = malloc_bytes()
    if before is None:
        pytest.skip("not glibc")
    tensor = touched(16)
    during = malloc_bytes()
    del tensor
    after = malloc_bytes()
    assert during is not None
    assert after is not None
    assert during - before > 15 * MEBIBYTE  # something else may have been freed
    assert abs(after - before) < MEBIBYTE
    monkeypatch.setattr(process_memory, "_malloc_is_glibcs", lambda: False)
    assert malloc_bytes() is None


@pytest.mark.parametrize("read", [lambda: None, lambda: 5])
def test_another_allocator_is_not_taken_for_glibcs(
    read: Callable[[], int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_memory, "_in_use", read)
    assert not process_memory._malloc_is_glibcs.__wrapped__()


def test_a_process_that_is_gone_has_no_figures() -> None:
    assert status_bytes("VmHWM", 2**30) is None
    assert status_bytes("VmNothing") is None
    assert 2**24 < resident_bytes() <= run_peak_bytes() + 2**24


def test_without_loader_processes_their_peak_is_nothing() -> None:
    assert loader_peak_bytes() == 0
