from __future__ import annotations

import signal

from benchmarks.harness.liveness import Position
from benchmarks.harness.worker import failure_kind, printed_cause


def test_what_breaks_while_a_batch_is_awaited_is_a_failure_of_the_data() -> None:
    assert failure_kind(ConnectionResetError(104, "Connection reset by peer"), "data") == "data"
    assert failure_kind(ConnectionResetError(104, "Connection reset by peer"), "backward") == "exception"
    assert failure_kind(MemoryError(), "data") == "out_of_memory"


def test_what_torch_says_of_a_dead_loader_process_a_moment_later_is_the_cause() -> None:
    """As torch does on SIGCHLD: the pipe breaks first, then the handler raises."""

    def handler(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        cause = printed_cause(ConnectionResetError(104, "Connection reset by peer"), Position(3, "data"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert str(cause).startswith("DataLoader worker (pid 7)")
