"""How the processes of a run recognise each other."""

from __future__ import annotations

import psutil

TOKEN_VARIABLE = "OCR_BENCHMARK_RUN"
"""Environment variable of every process of a run. It still identifies a process that lost its parent."""

COMMAND_VARIABLE = "OCR_BENCHMARK_RUN_COMMAND"
"""The same for every process of a command that measures cases, each of which is a run with a token of its own."""


def is_running(process: psutil.Process) -> bool:
    """Whether a process has neither ended nor become a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
