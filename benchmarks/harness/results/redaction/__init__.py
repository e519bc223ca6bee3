"""Removes private data from logs and artifacts: addresses, names of hosts and people, home directories, credentials.

Private data are recognised in two ways. The names of this machine, of its job and of its user are looked up once
(`Identity`), completed by those that only options state (`know_hosts`), and replaced wherever they are a whole word;
`_`, `-` and `.` end a word, as in `/tmp/torchinductor_alice` or `vm_4242_0`. Everything else is recognised by its form,
or by the place in which programs print it. In doubt, text is replaced.

    rules                                     what a rule is
    addresses, hosts, accounts, credentials   the rules, by what they find
    identity, names                           the known names, and their rules
    escapes                                   colours must not hide a name
    redactor                                  applies all of them
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from benchmarks.harness.protocol.node_list import hosts_of
from benchmarks.harness.results.redaction.identity import Identity
from benchmarks.harness.results.redaction.redactor import Redactor

__all__ = ["Identity", "Redactor", "know_hosts", "redact", "redacted"]


def redact(text: str) -> str:
    """The text without the private data of this machine, and without any address or credential."""
    return _redactor()(text)


def redacted(value: object) -> object:
    """The same of all strings of a JSON value; the names of its fields stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return value


def know_hosts(texts: Iterable[str]) -> None:
    """From now on replace these hosts too: names, "HOST:PORT" or lists of a job system, from the options of a run."""
    _known.update(host for text in texts for host in hosts_of(text))
    _redactor.cache_clear()


_known: set[str] = set()


@cache
def _redactor() -> Redactor:
    return Redactor(Identity.of_this_machine() | Identity(hosts=frozenset(_known)))
