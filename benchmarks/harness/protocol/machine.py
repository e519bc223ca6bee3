"""The checkout and the machine, the same for every process of a run."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.harness.protocol.control_groups import ControlGroups

ROOT = Path(__file__).parents[3]
"""Root of the checkout."""


def available_cores() -> int:
    """Cores that this process may use: its affinity, limited by the quota of its control groups if there is one."""
    cores = len(os.sched_getaffinity(0))
    quota = ControlGroups.of().quota_cores()
    return cores if quota is None else max(1, min(cores, int(quota)))
