"""Patterns of the known names, and the words that are not taken for a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.results.redaction.addresses import IPV4, IPV6
from benchmarks.harness.results.redaction.identity import Identity
from benchmarks.harness.results.redaction.rules import END, START, Family, Rule, family

# Accounts and hosts are also called like words of a log. These identify nobody, and without them a log is unreadable:
# "square <user>", "<host>: 12/60". Where a program prints an account or a host, any name is recognised by its place.
_COMMON = frozenset(
    """
    a an and are as at be by can for from has in is it not of off on or so the to up us with
    root user users admin administrator guest nobody daemon owner account default public private anonymous login
    host hosts hostname node nodes peer server client worker workers master slave main head local localhost localdomain
    machine system service cluster container docker pod job jobs task tasks name names home tmp temp var usr opt mnt
    connect connected connection connecting failed failure error errors warning warnings info debug trace fatal
    data dataset datasets loader batch batches sample samples image images img text texts label labels page pages word
    words file files folder path paths log logs cache checkpoint checkpoints output outputs input inputs result results
    model models net network layer layers train training trainer val valid validation eval evaluation test tests testing
    step steps epoch epochs iter iters iteration iterations loss losses lr rate rates score scores seed
    gpu gpus cpu cpus cuda nvidia device devices driver core cores rank ranks world size memory process processes thread
    threads time times sec second seconds ms min max mean median sum total count number ips reader cost speed
    torch pytorch python numpy nccl gloo mpi module package version build run runs running start started end ended
    init index key keys value values type types class self none null true false nan inf int float bool str list dict
    tensor shape state grad gradient weight weights bias parameter parameters square random linear conv forward backward
    compile compiled graph kernel kernels stream event events signal port ip mac uuid serial secret token address socket
    store ci bench benchmark benchmarks demo dev develop release stable research science ml ai ocr
    """.split()  # noqa: SIM905  # a list literal would take a line per word
)


@dataclass(frozen=True)
class OwnFamilies:
    """Rules for the names of an identity."""

    users: Family
    hosts: Family
    homes: Family


def is_common(name: str) -> bool:
    """Whether a name is no more than a word of a log, or the name of a file or folder of this project."""
    return name.lower() in _COMMON or name.lower() in _project_words()


@cache
def _project_words() -> frozenset[str]:
    """Names of modules and packages, without the suffix."""
    paths = (path for folder in ("benchmarks", "ocr_models") for path in (ROOT / folder).rglob("*.py"))
    words = {word for path in paths for word in (path.stem, *path.relative_to(ROOT).parts[:-1])}
    return frozenset(word.lower() for word in words)


def families(identity: Identity) -> OwnFamilies:
    """The rules that replace the names of an identity, wherever they are whole words."""
    whole = [name for name in identity.hosts if not re.fullmatch(rf"localhost(?:\..*)?|{IPV4}|{IPV6}", name)]
    hosts = _names([*whole, *(name.partition(".")[0] for name in whole)])
    domains = _names(name.partition(".")[2] for name in whole if re.fullmatch(r"[\w-]+(?:\.[\w-]+){2,}\.?", name))
    return OwnFamilies(
        users=_own_users(_names(identity.users)), hosts=_own_hosts(hosts, domains), homes=_own_homes(identity.homes)
    )


def _own_users(names: list[str]) -> Family:
    return family(_trigger(names), Rule("<user>", _whole_words(names)))


def _own_hosts(names: list[str], domains: list[str]) -> Family:
    """Also with another domain (gpu7 -> gpu7.other.net), and other hosts of the same domain."""
    rest = r"(?:\.(?=[A-Za-z0-9-]{0,62}[A-Za-z])[A-Za-z0-9-]*[A-Za-z0-9])*"
    neighbour = rf"(?<![\w.-])(?:[\w-]{{1,63}}\.){{0,6}}(?i:{any_of(domains)}){END}"
    return family(
        _trigger([*names, *domains]),
        Rule("<host>", f"(?i:{_whole_words(names)}){rest}"),
        Rule("<host>", neighbour),
    )


def _own_homes(paths: Iterable[str]) -> Family:
    homes = sorted({home.rstrip("/") for home in paths if home.startswith("/")} - {"", "/root"}, key=len, reverse=True)
    patterns = [rf"(?<![\w.~-]){re.escape(home)}(?![\w-])" for home in homes]
    return family(_trigger(homes), Rule("~", "|".join(patterns) or "(?!)"))


def _names(names: Iterable[str]) -> list[str]:
    """Those that identify somebody, the longest first: no empty ones, small numbers and common words."""
    stripped = {name.strip(".") for name in names}
    kept = {name for name in stripped if not re.fullmatch(r"\d{0,3}", name) and not is_common(name)}
    return sorted(kept, key=lambda name: (-len(name), name))


def _trigger(names: Iterable[str]) -> str:
    return any_of([name.casefold() for name in names])


def _whole_words(names: list[str]) -> str:
    """A pattern of the names as whole words. A name of digits must not be part of a number or a time."""
    numbers = [name for name in names if name.isdecimal()]
    others = [name for name in names if not name.isdecimal()]
    return rf"(?:{START}{any_of(others)}{END}|(?<![\w.:-]){any_of(numbers)}(?![\w:-]|\.\d))"


def any_of(names: Iterable[str]) -> str:
    """A pattern of any of the names, the longest that matches. Names that begin alike share a branch: a list of a
    thousand nodes costs little more than one name.
    """
    return _any_of(sorted(set(names)), 0) or "(?!)"


def _any_of(names: list[str], depth: int) -> str:
    """Of names that agree in the first `depth` characters, sorted; what follows these characters."""
    if not names:
        return ""
    pairs = zip(names[0], names[-1], strict=False)  # of sorted names, the first and the last differ first
    shared = next((at for at, (one, other) in enumerate(pairs) if one != other), len(names[0]))
    prefix = re.escape(names[0][depth:shared])
    longer = [name for name in names if len(name) > shared]
    if not longer:
        return prefix
    branches = [_any_of(list(group), shared) for _, group in groupby(longer, key=lambda name: name[shared])]
    optional = "?" if len(longer) < len(names) else ""
    return f"{prefix}(?:{'|'.join(branches)}){optional}"
