from __future__ import annotations

import pytest

from benchmarks.harness.controller.nodes import nodes_from
from benchmarks.harness.protocol.settings import Nodes

SLURM = {"SLURM_NNODES": "4", "SLURM_NODEID": "2", "SLURM_JOB_NODELIST": "gpu[07-10]", "SLURM_JOB_ID": "12034"}
TORCHRUN = {"GROUP_WORLD_SIZE": "2", "GROUP_RANK": "1", "MASTER_ADDR": "head", "MASTER_PORT": "29500"}
PET = {"PET_NNODES": "2", "PET_NODE_RANK": "0", "PET_RDZV_ENDPOINT": "head:29400"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Nodes()),
        (SLURM, Nodes(4, 2, "gpu07:29434")),
        (TORCHRUN, Nodes(2, 1, "head:29501")),
        (PET, Nodes(2, 0, "head:29400")),
        ({**TORCHRUN, "MASTER_PORT": "65535"}, Nodes(2, 1, "head:29400")),
        ({**TORCHRUN, "MASTER_PORT": "a port"}, Nodes(2, 1, "head:29401")),
        ({**SLURM, "SLURM_JOB_ID": "12034_7"}, Nodes(4, 2, "gpu07:29400")),
        ({"PET_NNODES": "²"}, Nodes()),
        ({"PET_NNODES": "9" * 5000}, Nodes()),
        ({**PET, "PET_RDZV_ENDPOINT": "head"}, Nodes(2, 0, "head:29400")),
        ({"PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_MASTER_ADDR": "head"}, Nodes(2, 1, "head:29400")),
        ({"SLURM_NNODES": "4", "SLURM_JOB_NODELIST": "gpu[07-10]"}, Nodes()),  # the shell of salloc: no job step
    ],
)
def test_a_job_is_found_in_the_environment(environment: dict[str, str], expected: Nodes) -> None:
    assert nodes_from(None, None, None, environment) == expected


def test_given_values_have_priority_over_the_environment() -> None:
    assert nodes_from(2, 1, "10.0.0.1:29400", SLURM) == Nodes(2, 1, "10.0.0.1:29400")
    assert nodes_from(1, None, None, SLURM) == Nodes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((2, None, "a:1"), "which of the 2 nodes is this"),
        ((2, 2, "a:1"), "node rank 2 of 2 nodes"),
        ((2, 0, None), "need a place to meet"),
        ((2, 0, "nowhere"), "'nowhere' is not HOST:PORT"),
        ((2, 0, "a:0"), "'a:0' is not HOST:PORT"),
        ((None, None, "a:1"), "endpoint a:1, but only one node"),
        ((None, 1, None), "node rank 1, but only one node"),
    ],
)
def test_an_inconsistent_job_is_refused(given: tuple[int | None, int | None, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nodes_from(*given, {})
