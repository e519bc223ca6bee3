"""The checkout and the machine, the same for every process of a run."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from benchmarks.harness.protocol.control_groups import ControlGroups

ROOT = Path(__file__).parents[3]
"""Root of the checkout."""


def available_cores() -> int:
    """Cores that this process may use: its affinity, limited by the quota of its control groups if there is one."""
    cores = len(os.sched_getaffinity(0))
    quota = ControlGroups.of().quota_cores()
    return cores if quota is None else max(1, min(cores, int(quota)))


def cpu_name() -> str:
    """Name of the processor: from /proc/cpuinfo, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
