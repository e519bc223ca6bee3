"""How the GPUs of a machine are connected, and NCCL's settings. No addresses, interfaces or paths."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pynvml
import torch

NCCL_WORDS = {"NCCL_ALGO", "NCCL_PROTO", "NCCL_NET_GDR_LEVEL", "NCCL_P2P_LEVEL", "NCCL_DEBUG", "NCCL_DEBUG_SUBSYS"}
"""Variables whose values are words of NCCL's own. The values of others may be names and paths of a site."""

MAX_VALUE_LENGTH = 60
HIDDEN = "<set>"
FORK_SAFE = ("IBV_FORK_SAFE", "RDMAV_FORK_SAFE")

LEVELS = {
    pynvml.NVML_TOPOLOGY_INTERNAL: "same board",
    pynvml.NVML_TOPOLOGY_SINGLE: "PIX",
    pynvml.NVML_TOPOLOGY_MULTIPLE: "PXB",
    pynvml.NVML_TOPOLOGY_HOSTBRIDGE: "PHB",
    pynvml.NVML_TOPOLOGY_NODE: "NODE",
    pynvml.NVML_TOPOLOGY_SYSTEM: "SYS",
}
"""The names that `nvidia-smi topo -m` uses."""

READ = 0  # NVML_P2P_CAPS_INDEX_READ, which is a tuple in pynvml
ENABLED = 1
UNKNOWN = "unknown"


def nccl_settings(environment: Mapping[str, str]) -> list[str]:
    """The NCCL_* variables as lines `NAME=value`; of a value that may be private only that it is set."""
    return [
        f"{name}={value if _is_harmless(name, value) else HIDDEN}"
        for name, value in sorted(environment.items())
        if re.fullmatch(r"NCCL_[A-Z0-9_]{1,60}", name)
    ]


def fork_safe(environment: Mapping[str, str]) -> list[str]:
    """The variables that protect memory registered for InfiniBand when a process forks, as lines `NAME=value`."""
    found = {name: environment[name] for name in FORK_SAFE if name in environment}
    return [f"{name}={value if value in ('0', '1') else HIDDEN}" for name, value in found.items()]


def _is_harmless(name: str, value: str) -> bool:
    """Whether a value is a number, or one of NCCL's own words for a variable that takes them."""
    pattern = r"[A-Za-z0-9_,:;^ -]+" if name in NCCL_WORDS else r"-?[0-9]{1,12}"
    return len(value) <= MAX_VALUE_LENGTH and re.fullmatch(pattern, value) is not None


def visible_gpus() -> list[str]:
    """NVML's identifiers of the GPUs that torch sees."""
    count = torch.cuda.device_count()
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(count)]


def gpu_links(gpus: Sequence[str]) -> str | None:
    """Connections between GPUs, the most frequent first: "24 x NV18, 4 x SYS". None with one GPU.

    NVn means n NVLinks; the other names are those of `nvidia-smi topo -m`.
    """
    counts = Counter(_link(one, other) for one, other in _pairs(gpus))
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or None


def gpu_peer_access(gpus: Sequence[str]) -> str | None:
    """Pairs of GPUs that can read each other's memory: "28 of 28". None with one GPU."""
    answers = [_has(one, other, READ) for one, other in _pairs(gpus)]
    if not answers:
        return None
    return UNKNOWN if None in answers else f"{answers.count(True)} of {len(answers)}"


def _pairs(gpus: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """NVML's handles of each pair of GPUs; none if it does not know one of them."""
    handles = []
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByUUID(gpu) for gpu in gpus]
    yield from itertools.combinations(handles, 2)


def _link(one: Any, other: Any) -> str:
    if links := _nvlinks(one, other):
        return f"NV{links}"
    try:
        return LEVELS.get(pynvml.nvmlDeviceGetTopologyCommonAncestor(one, other), UNKNOWN)
    except pynvml.NVMLError:
        return UNKNOWN


def _nvlinks(one: Any, other: Any) -> int:
    """NVLinks from a GPU to another: those that lead to it, or all of them if they lead to switches."""
    if not _has(one, other, pynvml.NVML_P2P_CAPS_INDEX_NVLINK):
        return 0
    peers = []
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        with contextlib.suppress(pynvml.NVMLError):  # a GPU has fewer links than the most that one may have
            if pynvml.nvmlDeviceGetNvLinkState(one, link) == ENABLED:
                peers.append(pynvml.nvmlDeviceGetNvLinkRemotePciInfo(one, link).busId)
    with contextlib.suppress(pynvml.NVMLError):
        if direct := peers.count(pynvml.nvmlDeviceGetPciInfo(other).busId):
            return direct
    return len(peers)


def _has(one: Any, other: Any, capability: int) -> bool | None:
    """Whether a pair of GPUs has a capability; None if the driver does not say."""
    try:
        return bool(pynvml.nvmlDeviceGetP2PStatus(one, other, capability) == pynvml.NVML_P2P_STATUS_OK)
    except pynvml.NVMLError:
        return None
