"""Binding of a rank to the cores next to its GPU."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from benchmarks.harness.protocol.numa import SYSFS, device_node, numa_nodes


def bind_to_gpu(bus_id: str, sysfs: Path = SYSFS) -> None:
    """Run this process on the NUMA node of its GPU: its threads, and the loader processes that it forks later. `bus_id`
    is the GPU's PCI address; empty if it is not known.

    Nothing happens on a machine with one node, if the system does not say to which node the GPU belongs, or if this
    process may use none of the node's cores. `numa_nodes_used` in the artifact shows what it has.

    torch's elastic agent can do this too (`LaunchConfig.numa_options`). It needs the program numactl, which most
    containers lack, and does not start the ranks of all cases.
    """
    nodes = numa_nodes(sysfs)
    if len(nodes) < 2:
        return
    cores = nodes.get(device_node(bus_id, sysfs), frozenset()) & os.sched_getaffinity(0)
    if not cores:
        return
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended, or the container forbids it
            os.sched_setaffinity(int(thread.name), cores)
