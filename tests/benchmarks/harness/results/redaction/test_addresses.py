from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from private_lines import ADDRESS_LINES, IPV4, IPV6, MAC, SPARSE_IPV6, redact


@given(line=st.sampled_from(ADDRESS_LINES), address=IPV4 | IPV6 | SPARSE_IPV6)
@example(line="  host      : @", address="fe80::1")
@example(line=ADDRESS_LINES[5], address="::ffff:0.104.99.143")
@example(line=ADDRESS_LINES[5], address="::1")
@example(line=ADDRESS_LINES[2], address="fe80::42:acff:fe11:2%eth0")
@settings(deadline=None)
def test_addresses_are_removed_from_every_line_and_nothing_else(line: str, address: str) -> None:
    found = redact(line.replace("@", address))
    assert re.fullmatch(re.escape(line).replace("@", "(<ip>|<host>)").replace("x:1:2", ".*"), found)


@given(line=st.sampled_from(["link/ether @ brd", "mac=@", "GUID:@,", "hw @_x", "  host : @"]), address=MAC)
@settings(deadline=None)
def test_hardware_addresses_are_removed(line: str, address: str) -> None:
    assert redact(line.replace("@", address)) == line.replace("@", "<mac>")


def test_an_infiniband_guid_is_removed() -> None:
    assert redact("node_guid 0002:c903:0005:f34b up") == "node_guid <mac> up"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[::]:29500", "[<ip>]:29500"),
        ("on [::1]:29500", "on [<ip>]:29500"),
        ("from ::1 to 127.0.0.1:80", "from <ip> to <ip>:80"),
        ("2001:db8::1:29500", "<ip>:29500"),
        ("fe80::1: refused", "<ip>: refused"),
        ("64:ff9b::192.0.2.33, 0:0:0:0:0:ffff:10.0.0.1", "<ip>, <ip>"),
        ("10.0.0.1, ::1", "<ip>, <ip>"),
        ("10.0.0.1.443", "<ip>.443"),
        ("10.0.0.0/8", "<ip>/8"),
        ("eth0:10.0.0.1<0>", "eth0:<ip><0>"),
        ("foo 13.4.1.3, foo==10.4.1.3", "foo <ip>, foo==<ip>"),  # a version cannot be told from an address
        ("nvidia-cublas 13.4.1.3, version 10.4.1.3", "nvidia-cublas 13.4.1.3, version 10.4.1.3"),
    ],
)
def test_addresses_are_removed_in_every_notation(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port_guid: 0x0002c9030005f34b", "port_guid: <mac>"),
        ("0011.22aa.3344", "<mac>"),
    ],
)
def test_hardware_addresses_in_other_notations_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected
