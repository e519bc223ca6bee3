"""Versions and hardware on which a result was obtained. No names of machines or people."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import cv2
import numpy
import pynvml
import torch

from benchmarks.harness.protocol.machine import available_cores, cpu_name
from benchmarks.harness.protocol.numa import numa_nodes
from benchmarks.harness.protocol.reports import Environment
from benchmarks.harness.protocol.revision import revision
from benchmarks.harness.worker.probes.interconnect import (
    fork_safe,
    gpu_links,
    gpu_peer_access,
    nccl_settings,
    visible_gpus,
)


def describe_environment(device: torch.device) -> Environment:
    """Of this process. Versions of CUDA and its libraries only if `device` is a GPU."""
    cuda = device.type == "cuda"
    commit, dirty = revision()
    uuids = visible_gpus() if cuda else []
    nodes = numa_nodes()
    return Environment(
        python=platform.python_version(),
        torch=str(torch.__version__),
        torchvision=version("torchvision"),
        numpy=numpy.__version__,
        opencv=cv2.__version__,
        cuda=torch.version.cuda if cuda else None,
        cudnn=torch.backends.cudnn.version() if cuda else None,
        nccl=".".join(map(str, torch.cuda.nccl.version())) if cuda else None,
        driver=driver_version() if cuda else None,
        nccl_settings=nccl_settings(os.environ) if cuda else None,
        fork_safe=fork_safe(os.environ) if cuda else None,
        gpu_links=gpu_links(uuids),
        gpu_peer_access=gpu_peer_access(uuids),
        system=platform.system(),
        cpu=cpu_name(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        cores=available_cores(),
        numa_nodes=len(nodes) or None,
        numa_nodes_used=sum(1 for cores in nodes.values() if cores & os.sched_getaffinity(0)) or None,
        allocator=os.environ.get("GLIBC_TUNABLES"),
        git_commit=commit,
        git_dirty=dirty,
    )


def device_name(device: torch.device) -> str:
    """Name of the GPU, or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def driver_version() -> str | None:
    """Version of the GPU driver; None if there is none."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except Exception:  # pynvml reports what an old driver lacks by several exceptions
        return None
