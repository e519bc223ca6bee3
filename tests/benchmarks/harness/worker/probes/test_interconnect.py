"""What NCCL was told, and how GPUs are connected, with a driver that answers as on known machines."""

from __future__ import annotations

from types import SimpleNamespace

import pynvml
import pytest

from benchmarks.harness.worker.probes import interconnect
from benchmarks.harness.worker.probes.interconnect import fork_safe, gpu_links, gpu_peer_access, nccl_settings
from fake_nvml import FakeNvml

NVLINK, READ = 2, 0
OK, NOT_SUPPORTED = 0, 5


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("NCCL_ALGO", "Ring", "Ring"),
        ("NCCL_ALGO", "allreduce:tree,ring;allgather:ring", "allreduce:tree,ring;allgather:ring"),
        ("NCCL_PROTO", "^LL128", "^LL128"),
        ("NCCL_P2P_LEVEL", "SYS", "SYS"),
        ("NCCL_P2P_DISABLE", "1", "1"),
        ("NCCL_BUFFSIZE", "8388608", "8388608"),
        ("NCCL_SOCKET_IFNAME", "ib-alice", "<set>"),
        ("NCCL_COMM_ID", "10.1.2.3:4000", "<set>"),
        ("NCCL_HOSTID", "node17", "<set>"),
        ("NCCL_IB_HCA", "mlx5_0", "<set>"),
        ("NCCL_TOPO_FILE", "/home/alice/topology.xml", "<set>"),
        ("NCCL_DEBUG_FILE", "/home/alice/%h.log", "<set>"),
        ("NCCL_ALGO", "/home/alice", "<set>"),
        ("NCCL_ALGO", "a" * 1000, "<set>"),
        ("NCCL_ALGO", "Ring\nTree", "<set>"),
        ("NCCL_BUFFSIZE", "9" * 100, "<set>"),
        ("NCCL_P2P_DISABLE", "", "<set>"),
    ],
)
def test_a_setting_of_nccl_is_shown_unless_it_may_be_private(name: str, value: str, shown: str) -> None:
    assert nccl_settings({name: value, "PATH": "/bin"}) == [f"{name}={shown}"]


def test_settings_are_sorted_and_other_variables_left_out() -> None:
    found = nccl_settings({"NCCL_PROTO": "LL", "NCCL_ALGO": "Tree", "MY_NCCL_X": "1", "NCCL_": "1", "NCCL_a\nb": "1"})
    assert found == ["NCCL_ALGO=Tree", "NCCL_PROTO=LL"]


def test_the_protection_of_forks_is_recorded_as_it_is() -> None:
    assert fork_safe({}) == []
    assert fork_safe({"RDMAV_FORK_SAFE": "1", "IBV_FORK_SAFE": "1"}) == ["IBV_FORK_SAFE=1", "RDMAV_FORK_SAFE=1"]
    assert fork_safe({"RDMAV_FORK_SAFE": "0"}) == ["RDMAV_FORK_SAFE=0"]
    assert fork_safe({"RDMAV_FORK_SAFE": "/home/alice"}) == ["RDMAV_FORK_SAFE=<set>"]


class Driver:
    """NVML of a machine: `links` leads from a GPU to the busId at the other end of each NVLink."""

    def __init__(self, links: dict[int, list[str]], levels: dict[tuple[int, int], int], readable: bool = True) -> None:
        self._links, self._levels, self._readable = links, levels, readable

    def p2p(self, one: int, other: int, capability: int) -> int:
        assert isinstance(capability, int)  # pynvml's constant for reading is a tuple
        if capability == NVLINK:
            return OK if one in self._links and other in self._links else NOT_SUPPORTED
        return OK if self._readable else NOT_SUPPORTED

    def link_state(self, gpu: int, link: int) -> int:
        if link >= 18:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        return int(link < len(self._links[gpu]))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
        driver = FakeNvml(monkeypatch)
        driver.answers |= {
            "HandleByUUID": int,
            "P2PStatus": self.p2p,
            "NvLinkState": self.link_state,
            "NvLinkRemotePciInfo": lambda gpu, link: SimpleNamespace(busId=self._links[gpu][link]),
            "PciInfo": lambda gpu: SimpleNamespace(busId=f"bus{gpu}"),
            "TopologyCommonAncestor": lambda one, other: self._levels[one, other],
        }
        return driver


def pairs(count: int, level: int) -> dict[tuple[int, int], int]:
    return {(one, other): level for one in range(count) for other in range(one + 1, count)}


EIGHT = list(map(str, range(8)))


@pytest.mark.parametrize(
    ("driver", "gpus", "links", "access"),
    [
        (Driver({gpu: ["switch"] * 18 for gpu in range(8)}, {}), EIGHT, "28 x NV18", "28 of 28"),
        (Driver({0: ["bus1"] * 4, 1: ["bus0"] * 4}, {}), EIGHT[:2], "1 x NV4", "1 of 1"),
        (
            Driver({0: ["bus1", "bus2", "bus2"], 1: ["bus0"], 2: ["bus0", "bus0"]}, {(1, 2): 30}),
            EIGHT[:2],
            "1 x NV1",
            "1 of 1",
        ),
        (Driver({}, pairs(4, 50) | {(0, 1): 10, (2, 3): 10}), EIGHT[:4], "4 x SYS, 2 x PIX", "6 of 6"),
        (Driver({}, pairs(2, 30), readable=False), EIGHT[:2], "1 x PHB", "0 of 1"),
        (Driver({}, pairs(2, 77)), EIGHT[:2], "1 x unknown", "1 of 1"),
        (Driver({}, {}), EIGHT[:1], None, None),
        (Driver({}, {}), [], None, None),
    ],
    ids=["switches", "direct", "unequal", "pcie", "no access", "new level", "one", "none"],
)
def test_the_connections_of_a_machine(
    driver: Driver, gpus: list[str], links: str | None, access: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.install(monkeypatch)
    assert (gpu_links(gpus), gpu_peer_access(gpus)) == (links, access)


def test_a_driver_that_does_not_answer_costs_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    driver = Driver({}, {}).install(monkeypatch)
    driver.failing = dict.fromkeys(("P2PStatus", "TopologyCommonAncestor"), refusal)
    assert (gpu_links(EIGHT[:2]), gpu_peer_access(EIGHT[:2])) == ("1 x unknown", "unknown")
    driver.failing["HandleByUUID"] = refusal  # as of a part of a GPU
    assert (gpu_links(EIGHT[:2]), gpu_peer_access(EIGHT[:2])) == (None, None)
    driver.failing["nvmlInit"] = refusal
    assert interconnect.gpu_links(EIGHT[:2]) is None
