"""Lists of hosts, as Slurm and other job systems write them: `gpu[007-010,12]-ib,login` or `gpu1 gpu2`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

MAX_HOSTS = 10_000
"""More than any cluster has. A range such as [0-999999999] must not fill the memory."""

MAX_RANGES = 4

_PART = re.compile(r"[^\s,;\[\]]*(?:\[[^\[\]]*\][^\s,;\[\]]*)*")
_BRACKETS = re.compile(r"([^\[]*)\[([^\[\]]*)\](.*)")


def hosts_of(text: str, limit: int = MAX_HOSTS) -> list[str]:
    """The hosts of a list, ranges expanded, schemes and ports removed; at most `limit`, the first ones."""
    hosts = (_without_port(host) for part in _PART.findall(text) if part for host in _expanded(part))
    return list(islice(filter(None, hosts), limit))


def _expanded(part: str) -> Iterator[str]:
    match = _BRACKETS.fullmatch(part)
    if match is None or part.count("[") > MAX_RANGES:
        yield part
        return
    before, ranges, after = match.groups()
    if not re.fullmatch(r"[0-9]{1,9}(?:-[0-9]{1,9})?(?:,[0-9]{1,9}(?:-[0-9]{1,9})?)*", ranges):  # an IPv6 address
        yield ranges
        return
    for each in ranges.split(","):
        first, dash, last = each.partition("-")
        numbers = range(int(first), int(last) + 1) if dash else [first]
        for number in numbers:
            for rest in _expanded(after):
                yield f"{before}{number:0>{len(first)}}{rest}"


def _without_port(host: str) -> str:
    host = host.rpartition("://")[2].rpartition("@")[2]
    return host if host.count(":") > 1 else re.sub(r":\d*$", "", host)
