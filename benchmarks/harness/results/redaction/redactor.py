"""Applies the rules and the names to text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmarks.harness.results.redaction import names
from benchmarks.harness.results.redaction.accounts import AT, HOMES, USERS
from benchmarks.harness.results.redaction.addresses import IPS, MACS
from benchmarks.harness.results.redaction.credentials import CREDENTIALS, ISSUED, SERIALS, URL_CREDENTIALS
from benchmarks.harness.results.redaction.escapes import ESCAPE, Replacement, between_escapes, through_escapes
from benchmarks.harness.results.redaction.hosts import CLOUD, CONNECTIONS, DOMAINS, KEYS, NCCL, SLURM, UNC
from benchmarks.harness.results.redaction.identity import Identity
from benchmarks.harness.results.redaction.rules import Family, Rule, family

# Our own line of a step has only numbers and fixed words, whatever a user or a host is called.
_NUMBER = r"-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf)"
_STEP_LINE = (
    rf"step: \d+/\d+ loss: {_NUMBER} lr: {_NUMBER} avg_reader_cost: {_NUMBER} s, avg_batch_cost: {_NUMBER} s, "
    rf"avg_samples: {_NUMBER}, ips: {_NUMBER} samples/sec"
)
_WHOLE_STEP_LINE = re.compile(_STEP_LINE)
_KEPT = family(
    r"avg_reader_cost|<[a-z]+>", Rule(None, _STEP_LINE), Rule(None, "<(?:ip|mac|host|user|secret|serial)>(?!@)")
)
_MAX_PASSES = 20
_MAX_PATTERNS = 200  # a log has some twenty; an endless variety of lines must not fill the memory


class Redactor:
    """Replaces private data in text, in time linear in its length.

    Numbers of up to three digits, localhost and words that name nobody (`names.is_common`) are never taken for a name.
    Applying it twice changes nothing more.
    """

    def __init__(self, identity: Identity) -> None:
        own = names.families(identity)
        self._families: tuple[Family, ...] = (
            _KEPT,
            *(URL_CREDENTIALS, CREDENTIALS, ISSUED, SERIALS, AT),
            *(KEYS, SLURM, CONNECTIONS, UNC),
            *(own.homes, HOMES, MACS, IPS, own.hosts, NCCL, CLOUD, DOMAINS, own.users, USERS),
        )
        self._patterns: dict[tuple[int, ...], _Pattern] = {}

    def __call__(self, text: str) -> str:
        """The text without private data; line breaks and escape sequences are kept."""
        if _WHOLE_STEP_LINE.fullmatch(text):
            return text
        for _ in range(_MAX_PASSES):  # a replacement may create the edge of a word
            redacted = self._redacted(text)
            if redacted == text:
                break
            text = redacted
        return text

    def _redacted(self, text: str) -> str:
        if ESCAPE.search(text):
            text = between_escapes(through_escapes(text, self._replacements), self._replaced)
        return self._replaced(text)

    def _replaced(self, text: str) -> str:
        pattern = self._pattern_for(text)
        return text if pattern is None else pattern.replaced(text)

    def _replacements(self, text: str) -> list[Replacement]:
        pattern = self._pattern_for(text)
        return [] if pattern is None else pattern.replacements(text)

    def _pattern_for(self, text: str) -> _Pattern | None:
        """One pattern of all the families that can match: the first rule that matches at a place decides."""
        folded = text.casefold()
        found = tuple(number for number, each in enumerate(self._families) if each.trigger.search(folded))
        if not found or found == (0,):
            return None
        if found not in self._patterns and len(self._patterns) >= _MAX_PATTERNS:
            found = tuple(range(len(self._families)))
        if found not in self._patterns:
            self._patterns[found] = _Pattern(rule for number in found for rule in self._families[number].rules)
        return self._patterns[found]


class _Pattern:
    """Rules as one regular expression. Each has a group around what precedes the private text."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        parts = (f"(?P<r{number}>{rule.before})(?:{rule.pattern})" for number, rule in enumerate(self._rules))
        self._pattern = re.compile("|".join(parts))

    def replaced(self, text: str) -> str:
        return self._pattern.sub(self._replacement, text)

    def replacements(self, text: str) -> list[Replacement]:
        found = ((match, self._rule(match)) for match in self._pattern.finditer(text))
        return [
            Replacement(match.end(match.lastindex or 0), match.end(), rule.placeholder)
            for match, rule in found
            if rule.placeholder is not None
        ]

    def _rule(self, match: re.Match[str]) -> Rule:
        assert match.lastindex is not None
        return self._rules[match.lastindex - 1]

    def _replacement(self, match: re.Match[str]) -> str:
        rule = self._rule(match)
        return match[0] if rule.placeholder is None else match[match.lastindex or 0] + rule.placeholder
