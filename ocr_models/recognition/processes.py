"""Work that is spread over processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

MOST_PROCESSES = 8


def in_processes(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Generator[Result, None, None]:
    """The results in the order of the jobs: `work` and all of them can be pickled.

    As many processes as there are cores for this one, but at most 8; none for a single job or a single core. They end
    with the jobs, and if this process is killed. After Ctrl-C they finish the jobs that they have begun.

    Raises:
        concurrent.futures.BrokenExecutor: if one of the processes is killed.
    """
    count = min(len(os.sched_getaffinity(0)), MOST_PROCESSES, len(jobs))
    if count < 2:
        yield from map(work, jobs)
        return
    # Not forked: this process may have threads, whose locks a copy would keep for ever.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield from pool.map(work, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C also reaches the parent, which cancels the jobs
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
