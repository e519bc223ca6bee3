from __future__ import annotations

import socket
from collections import namedtuple

import pytest

from benchmarks.harness import nodes
from benchmarks.harness.nodes import Nodes, first_slurm_node, interface_of, nodes_from, split_endpoint

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
        ({**PET, "PET_RDZV_ENDPOINT": "head"}, Nodes(2, 0, "head:29400")),
        ({"PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_MASTER_ADDR": "head"}, Nodes(2, 1, "head:29400")),
        ({"SLURM_NNODES": "4", "SLURM_JOB_NODELIST": "gpu[07-10]"}, Nodes()),  # salloc's shell: no job step
    ],
)
def test_a_job_is_found_in_the_environment(environment: dict[str, str], expected: Nodes) -> None:
    assert nodes_from(None, None, None, environment) == expected


def test_what_is_given_outranks_the_environment() -> None:
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
        ((None, None, "a:1"), "a:1 as the place to meet, and one node only"),
        ((None, 1, None), "node rank 1, and one node only"),
    ],
)
def test_a_job_that_cannot_be_is_refused(given: tuple[int, int | None, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nodes_from(*given, {})


@pytest.mark.parametrize(
    ("node_list", "first"),
    [("gpu007", "gpu007"), ("gpu[007-010,12],login", "gpu007"), ("a1,a2", "a1"), ("n[3,5]", "n3"), ("", "")],
)
def test_the_first_node_of_slurms_list(node_list: str, first: str) -> None:
    assert first_slurm_node(node_list) == first


def test_each_case_of_a_session_meets_at_its_own_port() -> None:
    assert [Nodes(2, 0, "head:29400").endpoint_of(n) for n in (0, 3)] == ["head:29400", "head:29403"]
    assert Nodes().endpoint_of(3) == ""


def test_an_endpoint_may_be_an_ipv6_address() -> None:
    assert split_endpoint("[fe80::1]:29400") == ("fe80::1", 29400)


def test_the_loopback_address_has_an_interface() -> None:
    assert interface_of("127.0.0.1") is not None
    assert interface_of("192.0.2.1") is None


def test_a_machine_that_knows_its_name_as_loopback_goes_by_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's /etc/hosts has it, which would send the other nodes to themselves."""
    towards = {"myself": "127.0.1.1", "192.0.2.1": "10.0.0.7", "localhost": "127.0.0.1"}
    monkeypatch.setattr(nodes, "_source_address", lambda host, port: towards[host])
    assert nodes.address_towards("myself", 29400) == "10.0.0.7"
    assert nodes.address_towards("localhost", 29400) == "127.0.0.1"


def test_without_a_way_out_a_machine_goes_by_an_address_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def source(host: str, port: int) -> str:
        if host == "192.0.2.1":
            raise OSError("Network is unreachable")
        return "127.0.1.1"

    entry = namedtuple("entry", "family address")
    entries = {"lo": [entry(socket.AF_INET, "127.0.0.1")], "eth0": [entry(socket.AF_INET, "10.0.0.8")]}
    monkeypatch.setattr(nodes, "_source_address", source)
    monkeypatch.setattr(nodes.psutil, "net_if_addrs", lambda: entries)
    assert nodes.address_towards("myself", 29400) == "10.0.0.8"
