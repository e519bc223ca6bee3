"""The nodes of a job: how many there are, which of them this is, and where they meet.

Given by option, else by the environment in which torchrun or Slurm starts a program on each node.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

FIRST_PORT = 29400


@dataclass(frozen=True)
class Nodes:
    """The nodes of a job.

    Attributes:
        count: of nodes.
        rank: of this node, from 0; node 0 writes the artifacts.
        endpoint: "HOST:PORT" on node 0 where they meet; empty where there is one node.

    Raises:
        ValueError: where the values do not fit one another; one line.
    """

    count: int = 1
    rank: int = 0
    endpoint: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise ValueError(f"node rank {self.rank} of {self.count} nodes; ranks count from 0 (--ocr-node-rank)")
        if self.count > 1 and not self.endpoint:
            raise ValueError(
                f"{self.count} nodes need a place to meet: --ocr-rdzv-endpoint HOST:PORT, the same on all of them"
            )
        if self.endpoint:
            split_endpoint(self.endpoint)

    def endpoint_of(self, ordinal: int) -> str:
        """The endpoint, its port moved up by `ordinal`."""
        host, _, port = self.endpoint.rpartition(":")
        return f"{host}:{int(port) + ordinal}" if self.endpoint else ""


def nodes_from(
    count: int | None, rank: int | None, endpoint: str | None, environment: Mapping[str, str] = os.environ
) -> Nodes:
    """What is given, completed by what torchrun (PET_*, GROUP_*) or Slurm (SLURM_*) says of the job.

    Raises:
        ValueError: where no consistent job comes out of it; one line.
    """
    if "SLURM_NODEID" not in environment:  # an allocation, but no job step: this program was started once, not by srun
        environment = {name: value for name, value in environment.items() if not name.startswith("SLURM_")}
    found_count = count or _number(environment, "PET_NNODES", "GROUP_WORLD_SIZE", "SLURM_NNODES") or 1
    if found_count == 1:
        if rank or endpoint:
            given = f"node rank {rank}" if rank else f"{endpoint} as the place to meet"
            raise ValueError(f"{given}, and one node only: how many are there? (--ocr-nnodes)")
        return Nodes()
    found_rank = _number(environment, "PET_NODE_RANK", "GROUP_RANK", "SLURM_NODEID") if rank is None else rank
    if found_rank is None:
        raise ValueError(f"which of the {found_count} nodes is this? --ocr-node-rank, from 0")
    return Nodes(found_count, found_rank, endpoint or environment_endpoint(environment))


def environment_endpoint(environment: Mapping[str, str]) -> str:
    """Where torchrun's or Slurm's job can meet; empty where neither says."""
    if endpoint := environment.get("PET_RDZV_ENDPOINT"):
        return endpoint if re.search(r":[0-9]+$", endpoint) else f"{endpoint}:{FIRST_PORT}"
    if environment.get("PET_MASTER_ADDR"):
        return f"{environment['PET_MASTER_ADDR']}:{environment.get('PET_MASTER_PORT', FIRST_PORT)}"
    if environment.get("MASTER_ADDR") and "GROUP_WORLD_SIZE" in environment:
        return f"{environment['MASTER_ADDR']}:{int(environment.get('MASTER_PORT', FIRST_PORT)) + 1}"
    if environment.get("SLURM_JOB_NODELIST"):
        port = FIRST_PORT + int(environment.get("SLURM_JOB_ID", 0)) % 1000  # two jobs may share a node
        return f"{first_slurm_node(environment['SLURM_JOB_NODELIST'])}:{port}"
    return ""


def first_slurm_node(node_list: str) -> str:
    """The first host of Slurm's compressed list: "gpu[007-010,12],login" -> "gpu007"."""
    match = re.match(r"([^,\[]+)(?:\[([^,\]-]+))?", node_list)
    return "" if match is None else match[1] + (match[2] or "")


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: where it is not HOST:PORT.
    """
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{endpoint!r} is not HOST:PORT (--ocr-rdzv-endpoint)")
    return host.strip("[]"), int(port)


def address_towards(host: str, port: int) -> str:
    """The address by which the other nodes reach this machine: that from which it reaches `host`. Sends nothing.

    Many a machine knows its own name as a loopback address; then it is the address from which it reaches the world.

    Raises:
        OSError: where there is no way to `host`.
    """
    address = _source_address(host, port)
    if is_loopback(address) and not is_loopback(host):
        return _outward_address() or address
    return address


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _source_address(host: str, port: int) -> str:
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        address: str = probe.getsockname()[0]
    return address


def _outward_address() -> str | None:
    """The IPv4 address with the default route; without one, the first that is no loopback."""
    with contextlib.suppress(OSError):
        return _source_address("192.0.2.1", 9)  # an address kept for documentation: nobody's
    entries = [entry for each in psutil.net_if_addrs().values() for entry in each if entry.family == socket.AF_INET]
    return next((entry.address for entry in entries if not is_loopback(entry.address)), None)


def interface_of(address: str) -> str | None:
    """The network interface that has an address."""
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address.partition("%")[0] == address for entry in entries):
            return name
    return None


def _number(environment: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        if environment.get(name, "").isdigit():
            return int(environment[name])
    return None
