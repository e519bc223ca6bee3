"""Removes private data from logs and artifacts: addresses, host names, user names and home directories.

Private data are recognised in two ways. The names of this machine are looked up once (`Identity`) and replaced wherever
they are a whole word; `_`, `-` and `.` end a word, as in `/tmp/torchinductor_alice` or `vm_4242_0`. Addresses, home
directories and, in the places where NCCL, torchrun and c10d print them, names of other machines are recognised by their
form. In doubt, text is replaced: a four-part version number looks like an address and is replaced as one.
"""

from __future__ import annotations

import os
import platform
import pwd
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_PLACEHOLDERS = {"home": "~", "mac": "<mac>", "ip": "<ip>", "host": "<host>", "user": "<user>"}

# Edges of a word: no letter or digit beyond.
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"

# Our own line of a step has only numbers and fixed words, whatever a user or a host is called.
_NUMBER = r"-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf)"
_STEP_LINE = (
    rf"step: \d+/\d+ loss: {_NUMBER} lr: {_NUMBER} avg_reader_cost: {_NUMBER} s, avg_batch_cost: {_NUMBER} s, "
    rf"avg_samples: {_NUMBER}, ips: {_NUMBER} samples/sec"
)

_HOME = r"/(?:home|Users)/+[\w.@+$-]*[\w$]|(?<![\w.~-])/root(?![\w-])"

# Hardware addresses of Ethernet and InfiniBand: pairs of hexadecimal digits; InfiniBand GUIDs: four groups of four.
_PAIR = "[0-9A-Fa-f]{2}"
_MAC = (
    rf"{_START}(?:(?:{_PAIR}:){{5,}}{_PAIR}{_END}|(?:{_PAIR}-){{5,}}{_PAIR}{_END}"
    r"|[0-9A-Fa-f]{4}(?::[0-9A-Fa-f]{4}){3}(?![^\W_]|:))"
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IPV4 = rf"(?<!\d){_OCTET}(?:\.{_OCTET}){{3}}(?!\d)"

# An address with `::` looks like a C++ name (c10::add, Ad::Bad) or a slice (x[::2], x[1:, a::3]). The differences: an
# address is not in a subscript, and after a comma it has more digits than a slice; the parts of a C++ name have none.
_GROUP = "[0-9A-Fa-f]{1,4}"
_GROUPS = rf"{_GROUP}(?::{_GROUP}){{0,6}}"
_SLICE = r"(?:(?<=,)|(?<=, ))(?!::1(?![^\W_.]))(?:\d{1,3}|[A-Fa-f])?::(?:\d{1,3}|[A-Fa-f])?(?![^\W_]|[:.%])"
_CPP_NAME = r"c10d?::|(?![Ff][C-Fc-f])[A-Fa-f]*::[A-Fa-f]*(?![^\W_]|:)"
_NO_SUBSCRIPT = r"(?<![\w\])]\[)(?<!\[-)"
_IPV6 = (
    rf"(?:{_START}(?:{_GROUP}:){{6}}(?:{_GROUP}:{_GROUP}{_END}|{_IPV4})"
    rf"|{_START}(?<!::){_NO_SUBSCRIPT}(?!{_SLICE}|{_CPP_NAME})"
    rf"(?:{_GROUPS})?::(?:{_GROUPS}(?:(?:\.\d{{1,3}}){{3}})?)?(?![^\W_]|::)"
    rf"|{_NO_SUBSCRIPT}(?<=\[)::(?=\]))(?:%[\w.~-]*[\w~])?"
)

# Contexts of names of other machines: what precedes the name and is kept; the name; what follows it.
_NAME = (
    rf"(?!{_IPV6}|{_IPV4}|{_MAC})(?!(?:localhost|None|null)(?![\w-]|\.\w))"
    r"(?<![^\W_])[^\W_](?:[\w.-]*[^\W_])?"
)
_KEY = r"(?i:host(?:_?name)?|nodename|master_addr|rdzv_endpoint)"
_HOST_CONTEXTS = (
    # torchrun's error report and settings, JSON, XML; not a number, as in "host: 5.1 GiB"
    (rf"{_START}{_KEY}[\"']?[ \t]*[:=][ \t]*[\"']?", rf"(?!\d{{1,4}}(?:\.\d+)?(?![\w.-])){_NAME}"),
    (r"(?<!\w)\[(?!(?:rank|default)\d+\])", rf"{_NAME}(?=\]:\d{{2,5}}(?![\d:./-]))"),  # c10d: [name]:port
    (r"(?:connect to|address(?:es)? of) \(", rf"{_NAME}(?=, ?\d+\))"),  # c10d: (name, port)
    (rf"{_START}(?:peer|from|to) ", rf"{_NAME}(?=<\d+>)"),  # NCCL: name<port>
    (r"://", rf"{_NAME}(?=:\d)"),  # tcp://name:port
    (rf"{_START}[Tt]he node '?", rf"{_NAME}(?=_\d+_\d+)"),  # torchrun's rendezvous: name_process_agent
)
_DOMAIN = r"(?:\.(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9-]*[A-Za-z0-9])*"
_HOST_FORMS = (
    rf"(?<![\w.-])(?!\d\d?:){_NAME}(?=:\d+:\d+ \[-?\d+\] )",  # NCCL's prefix: name:process:thread [device]
    # ip-10-0-0-1.ec2.internal; but not a date before more numbers
    rf"(?<![\w.-])(?:\w+-)*?[A-Za-z]\w*(?:-(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){{4}}{_END}[\w-]*{_DOMAIN}",
    r"(?<![\w.-])(?:(?:[\w-]+\.){2,}internal|(?:[\w-]+\.)+localdomain)(?![\w-])",
)


@dataclass(frozen=True)
class Identity:
    """The names that identify this machine and its user.

    Attributes:
        users: names of the user's account.
        hosts: names of the machine, with or without the domain.
        homes: absolute paths of home directories.
    """

    users: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    homes: frozenset[str] = frozenset()

    @classmethod
    def of_this_machine(cls) -> Identity:
        """Look the names up without the network: a name server that does not answer must not stop a run."""
        environment = os.environ.get
        users = {environment(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
        hosts = {environment(name, "") for name in ("HOSTNAME", "SLURMD_NODENAME", "MASTER_ADDR")}
        homes = {os.path.expanduser("~")}  # noqa: PTH111  # Path.home() raises without HOME and account
        try:
            account = pwd.getpwuid(os.getuid())
        except KeyError:  # in a container the user id may have no account
            pass
        else:
            users.add(account.pw_name)
            homes.add(account.pw_dir)
        homes |= {os.path.realpath(home) for home in homes}
        return cls(frozenset(users), frozenset(hosts | {socket.gethostname(), platform.node()}), frozenset(homes))


class Redactor:
    """Replaces private data in text, in time linear in its length.

    Numbers of up to three digits and localhost are never taken for a name. Applying it twice changes nothing more.
    """

    def __init__(self, identity: Identity) -> None:
        hosts = [name for name in identity.hosts if not re.fullmatch(rf"localhost(?:\..*)?|{_IPV4}|{_IPV6}", name)]
        hosts += [name.partition(".")[0] for name in hosts]
        homes = [home.rstrip("/") for home in identity.homes if home.startswith("/")]
        own_homes = [rf"(?<![\w.~-]){re.escape(home)}(?![\w-])" for home in _longest_first(homes)]
        own_hosts = [f"(?i:{_whole_word(name)}){_DOMAIN}" for name in _longest_first(hosts)]
        users = [rf"{_whole_word(name)}(?:@[\w.-]*[^\W_])?" for name in _longest_first(identity.users)]
        groups = [
            ("kept", [_STEP_LINE, "<(?:ip|mac|host|user)>"]),
            ("home", [*own_homes, _HOME]),
            ("mac", [_MAC]),
            ("ip", [_IPV6, _IPV4]),
            ("host", [*own_hosts, *_HOST_FORMS]),
            ("user", users or ["(?!)"]),
        ]
        before_host = [f"(?P<before_host_{i}>{before}){name}" for i, (before, name) in enumerate(_HOST_CONTEXTS)]
        forms = [f"(?P<{group}>{'|'.join(patterns)})" for group, patterns in groups]
        self._pattern = re.compile("|".join([*before_host, *forms]))

    def __call__(self, text: str) -> str:
        """The text without private data; line breaks are kept."""
        while (
            redacted := self._pattern.sub(_replacement, text)
        ) != text:  # a replacement may create the edge of a word
            text = redacted
        return text


def redact(text: str) -> str:
    """Replace the private data of this machine, and every address."""
    return _of_this_machine()(text)


@cache
def _of_this_machine() -> Redactor:
    return Redactor(Identity.of_this_machine())


def _replacement(match: re.Match[str]) -> str:
    group = match.lastgroup
    assert group is not None
    if group == "kept":
        return match[0]
    return _PLACEHOLDERS.get(group) or match[group] + _PLACEHOLDERS["host"]


def _longest_first(names: Iterable[str]) -> list[str]:
    """The longer of two names with the same beginning comes first. Drops empty names and small numbers."""
    return sorted({name for name in names if not re.fullmatch(r"\d{0,3}", name)}, key=lambda name: (-len(name), name))


def _whole_word(name: str) -> str:
    """A pattern of the name as a whole word. A name of digits must not be part of a number or a time."""
    if name.isdecimal():
        return rf"(?<![\w.:-]){name}(?![\w:-]|\.\d)"
    return f"{_START}{re.escape(name)}{_END}"
