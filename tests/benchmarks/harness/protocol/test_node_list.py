from __future__ import annotations

import pytest

from benchmarks.harness.protocol.node_list import MAX_HOSTS, hosts_of


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", []),
        ("gpu007", ["gpu007"]),
        ("gpu[007-010,12],login", ["gpu007", "gpu008", "gpu009", "gpu010", "gpu12", "login"]),
        ("gpu[1-2]-ib0", ["gpu1-ib0", "gpu2-ib0"]),
        ("rack[1-2]node[08-09]", ["rack1node08", "rack1node09", "rack2node08", "rack2node09"]),
        ("c1 c2 c2", ["c1", "c2", "c2"]),  # LSF
        ("a1,a2", ["a1", "a2"]),
        ("n[3,5]", ["n3", "n5"]),
        ("gpu7.lab.example:29400", ["gpu7.lab.example"]),
        ("tcp://gpu7:29400", ["gpu7"]),
        ("[fe80::1]:29400", ["fe80::1"]),
        ("fe80::1", ["fe80::1"]),
        ("gpu[1-", ["gpu", "1-"]),
        ("gpu[-,3-,x]", ["-,3-,x"]),
    ],
)
def test_a_list_is_expanded_to_its_hosts(text: str, hosts: list[str]) -> None:
    assert hosts_of(text) == hosts


@pytest.mark.parametrize(
    "text",
    [
        "n[0-999999999999]",
        "n[0-99999][0-99999][0-99999]",
        "n[9-1]",
        "n[" * 5000,
        "n[1]" * 5000,
        f"n[{'9' * 5000}]",
        "a," * 10**5,
    ],
)
def test_a_hostile_list_has_a_bounded_number_of_hosts(text: str) -> None:
    assert len(hosts_of(text)) <= MAX_HOSTS
