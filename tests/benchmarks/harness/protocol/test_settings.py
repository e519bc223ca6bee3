from __future__ import annotations

import pytest

from benchmarks.harness.protocol.endpoint import split_endpoint
from benchmarks.harness.protocol.settings import Nodes


def test_each_run_of_a_session_meets_at_its_own_port() -> None:
    assert [Nodes(2, 0, "head:29400").endpoint_of(n) for n in (0, 3)] == ["head:29400", "head:29403"]
    assert Nodes().endpoint_of(3) == ""


def test_after_the_highest_port_comes_the_first_one() -> None:
    assert [Nodes(2, 0, "head:65534").endpoint_of(n) for n in (1, 2, 3)] == ["head:65535", "head:29400", "head:29401"]
    assert 29400 <= split_endpoint(Nodes(2, 0, "head:65535").endpoint_of(10**6))[1] <= 65535


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((2, 2, "head:1"), "node rank 2 of 2 nodes; ranks count from 0"),
        ((2, -1, "head:1"), "node rank -1 of 2 nodes"),
        ((0, 0, ""), "node rank 0 of 0 nodes"),
        ((2, 0, ""), "2 nodes need a place to meet: --ocr-rdzv-endpoint HOST:PORT"),
        ((2, 0, "head"), "'head' is not HOST:PORT"),
    ],
)
def test_nodes_that_contradict_each_other_are_refused(values: tuple[int, int, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Nodes(*values)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("head:29400", ("head", 29400)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[fe80::1]:29400", ("fe80::1", 29400)),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(endpoint: str, expected: tuple[str, int]) -> None:
    assert split_endpoint(endpoint) == expected


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "head",
        "head:",
        ":29400",
        "head:0",
        "head:65536",
        "head:port",
        "head:٣",
        "a b:1",
        "[]:1",
        "head:" + "9" * 5000,
    ],
)
def test_an_endpoint_without_host_or_port_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_endpoint(endpoint)
