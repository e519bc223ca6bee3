"""Why a process aborted: what the C++ library prints when an exception that nothing catches ends the process, and
libgomp when it gets no thread.

An error of CUDA ends a rank so, without a report, if a thread of NCCL or a destructor is the first to meet it: torch
records an event as it frees a pinned tensor.
"""

from __future__ import annotations

import re

from benchmarks.harness.protocol.error_text import is_of_cuda, is_of_memory, is_of_missing_peer, one_line_of

THREADS = re.compile(r"libgomp: (Thread creation failed|Out of memory).*")
THREADS_ADVICE = "no memory for a thread, or a limit of processes (ulimit -u, pids of the control group)"
BEGINNING = re.compile(r"terminate called after throwing an instance of '(?:\w+::)*(\w+)'")
MESSAGE = re.compile(r"what\(\): +(.*\S)")
KINDS = (("out_of_memory", is_of_memory), ("device", is_of_cuda), ("hang", is_of_missing_peer))
"""Kind of failure and its condition on the message; the first that holds decides."""


class AbortReader:
    """Reads the lines that the processes of a case print.

    Attributes:
        line: type and message of the first exception that ended a process; None if there was none.
        kind: the kind of failure that it means; "killed" if no condition holds.
    """

    def __init__(self) -> None:
        self.line: str | None = None
        self.kind = "killed"
        self._name: str | None = None

    def read(self, line: str) -> None:
        """The next line."""
        if self.line is not None:
            return
        if (refused := THREADS.search(line)) is not None:  # libgomp then ends the process
            self.line, self.kind = f"{refused[0].strip()}: {THREADS_ADVICE}", "out_of_memory"
        elif (beginning := BEGINNING.search(line)) is not None:
            self._name = beginning[1]
        elif self._name is not None and (message := MESSAGE.search(line)) is not None:
            self.line = one_line_of(self._name, message[1])
            self.kind = next((kind for kind, holds in KINDS if holds(message[1])), "killed")
