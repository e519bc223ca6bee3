"""The nodes of a job: from the options, else from the environment in which torchrun or Slurm starts a program."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from benchmarks.harness.protocol.endpoint import FIRST_PORT, port_after
from benchmarks.harness.protocol.node_list import hosts_of
from benchmarks.harness.protocol.settings import Nodes

MAX_DIGITS = 18


def nodes_from(
    count: int | None, rank: int | None, endpoint: str | None, environment: Mapping[str, str] = os.environ
) -> Nodes:
    """The given values, completed by those of torchrun (PET_*, GROUP_*) or Slurm (SLURM_*).

    Raises:
        ValueError: if they do not yield a consistent job; one line.
    """
    if "SLURM_NODEID" not in environment:  # an allocation without a job step: this program was not started by srun
        environment = {name: value for name, value in environment.items() if not name.startswith("SLURM_")}
    found_count = count or _number(environment, "PET_NNODES", "GROUP_WORLD_SIZE", "SLURM_NNODES") or 1
    if found_count == 1:
        if rank or endpoint:
            given = f"node rank {rank}" if rank else f"endpoint {endpoint}"
            raise ValueError(f"{given}, but only one node: give the number of nodes (--ocr-nnodes)")
        return Nodes()
    found_rank = _number(environment, "PET_NODE_RANK", "GROUP_RANK", "SLURM_NODEID") if rank is None else rank
    if found_rank is None:
        raise ValueError(f"which of the {found_count} nodes is this? --ocr-node-rank, from 0")
    return Nodes(found_count, found_rank, endpoint or environment_endpoint(environment))


def environment_endpoint(environment: Mapping[str, str]) -> str:
    """Where the job of torchrun or Slurm can meet; empty if neither says."""
    if endpoint := environment.get("PET_RDZV_ENDPOINT"):
        return endpoint if re.search(r":[0-9]+$", endpoint) else f"{endpoint}:{FIRST_PORT}"
    if environment.get("PET_MASTER_ADDR"):
        return f"{environment['PET_MASTER_ADDR']}:{environment.get('PET_MASTER_PORT', FIRST_PORT)}"
    if environment.get("MASTER_ADDR") and "GROUP_WORLD_SIZE" in environment:
        taken = _number(environment, "MASTER_PORT")
        return f"{environment['MASTER_ADDR']}:{port_after(FIRST_PORT if taken is None else taken, 1)}"
    if environment.get("SLURM_JOB_NODELIST"):
        port = FIRST_PORT + (_number(environment, "SLURM_JOB_ID") or 0) % 1000  # two jobs may share a node
        return f"{''.join(hosts_of(environment['SLURM_JOB_NODELIST'], limit=1))}:{port}"
    return ""


def _number(environment: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        text = environment.get(name, "")
        if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
            return int(text)
    return None
