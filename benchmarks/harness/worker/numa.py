"""Binding of the ranks to the cores next to their GPUs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from torch.numa.binding import AffinityMode, NumaOptions

from benchmarks.harness.protocol.numa import SYSFS, gpu_numa_nodes, numa_nodes
from benchmarks.harness.protocol.plan import Plan


def numa_options(plan: Plan, sysfs: Path = SYSFS) -> NumaOptions | None:
    """For torch's elastic agent: each rank, with its loader processes, on the NUMA node of its GPU.

    None on the CPU, on a machine with one node, and if torch could not do it: it raises an error unless every GPU has a
    node with cores that this process may use, and the program numactl is installed. `numa_nodes_used` in the artifact
    shows what the ranks have.
    """
    nodes = numa_nodes(sysfs)
    if plan.case.device == "cpu" or len(nodes) < 2:
        return None
    allowed = os.sched_getaffinity(0)
    gpus = gpu_numa_nodes(sysfs)
    if not gpus or any(not nodes.get(node, frozenset()) & allowed for node in gpus):
        return None
    if shutil.which("numactl") is None:
        print("the ranks are not bound to the NUMA nodes of their GPUs: numactl is not installed", flush=True)
        return None
    return NumaOptions(AffinityMode.NODE)
