"""The record in a line of a log: a number and its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from benchmarks.analysis_log.after import CLOSING, NUMBER, is_list, last_unit, unit_after
from benchmarks.analysis_log.before import heading, is_label_of, unit_before, unit_field
from benchmarks.analysis_log.units import CLOCK, Unclear, Unit, parse_unit

_NUMBER = re.compile(rf"(?P<brackets>[\[({{\"']*)(?P<number>{NUMBER}|[-+]?(?:nan|inf(?:inity)?))", re.IGNORECASE)
_CLOCK = re.compile(r"(?P<h>[0-9]+):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9](?:\.[0-9]*)?)")
_PARTS = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m(?:in)?)?(?P<s>[0-9]+(?:\.[0-9]*)?)s")
_GROUPED = re.compile("(?<=[0-9])[\u00a0\u2007\u2009\u202f](?=[0-9]{3})")
_PLAIN = str.maketrans(
    {"\uff0f": "/", "\u2215": "/", "\u2044": "/", "\u33b3": "ms", "\u33b2": "us", "\u33b1": "ns"}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff")
)
"""Other forms of characters of units; characters without a width are dropped."""

FOLLOWING = 5
"""Tokens after the number that are looked at: `± 0.2 k samples / s`."""


@dataclass(frozen=True)
class Number:
    """A number of a line, as it is written, and what it counts.

    Attributes:
        text: the number.
        value: the number; of a clock the seconds.
        unit: what the line says of its unit; None if it says nothing.
        followed: whether anything follows it in the line: then it is complete.
        before: the part of its token that precedes it, which --range left out.
    """

    text: str
    value: float
    unit: Unit | Unclear | None
    followed: bool
    before: str = ""

    @property
    def form(self) -> str:
        """What numbers of one format have in common: decimals and exponent; without these, the number of digits."""
        zeros = re.sub(r"\d", "0", self.text.lstrip("+-"))
        return zeros if zeros.isdecimal() else zeros.lstrip("0")


@dataclass(frozen=True)
class Picker:
    """Finds the record in a line that contains the keyword.

    Attributes:
        keyword: a token of the line, or the beginning of one if it ends in `=`.
        separator: between the tokens of the line; None splits at blanks.
        position: number of the token that is the record; None means the token after the keyword.
        part: part of that token; `slice(None)` is all of it.
        of_rates: whether a record should be a rate, else a time.
        stated: the unit of records that do not say it clearly: --record_unit.
    """

    keyword: str
    separator: str | None
    position: int | None
    part: slice
    of_rates: bool
    stated: Unit | None = None

    @property
    def wanted(self) -> re.Pattern[str]:
        """What the lines with a record contain: the keyword.

        If that is the unit of a progress bar, also its other forms: bars change from it/s to s/it, from ms/step to
        s/step.
        """
        patterns = [re.escape(self.keyword)]
        unit = parse_unit(self.keyword) if self.position is not None and "/" in self.keyword else None
        noun = next((part for part in self.keyword.split("/") if not isinstance(parse_unit(part or "x"), Unit)), "")
        if isinstance(unit, Unit) and noun:
            patterns.append(rf"[0-9.][ \t]*(?:[kKMG]?{re.escape(noun)}/s|[nu\u00b5\u03bcm]?s/{re.escape(noun)})(?!\w)")
        return re.compile("|".join(patterns))

    def pick(self, line: str) -> Number | None:
        """The record of a line; None if there is no number at its place."""
        tokens = self._tokens(line)
        found = self._place(tokens)
        if found is None:
            return None
        index, token = found
        last = index in (-1, len(tokens) - 1)
        following = [] if last else tokens[index + 1 :][: 1 if self.separator else FOLLOWING]
        number = self._number(token, following, last and not line[-1:].isspace())
        if number is None:
            return None
        label = unit_before([number.before], self.of_rates) if number.before.strip() else None
        index %= len(tokens)
        unit = self._combined(number.unit, label or self._label(tokens, index))
        return replace(number, unit=unit or heading(tokens[:index], self.of_rates) or unit_field(line))

    def column_unit(self, line: str) -> Unit | None:
        """The unit in the place of the record, as in the first line of a table: `step,time_ms`."""
        tokens = self._tokens(line)
        found = self._place(tokens) if self.position is not None and self.stated is None else None
        if found is None or not found[1].strip()[:1].isalpha():
            return None
        index = found[0] % len(tokens)
        brackets = [token for token in tokens[index + 1 : index + 2] if is_label_of(token)]
        unit = unit_before([found[1], *brackets], self.of_rates)
        return unit if isinstance(unit, Unit) else None

    def _tokens(self, line: str) -> list[str]:
        text = line.strip().strip("\b")
        return (text if text.isascii() else _GROUPED.sub("'", text).translate(_PLAIN)).split(self.separator)

    def _place(self, tokens: list[str]) -> tuple[int, str] | None:
        """Index of the record's token, and the token without a keyword that is attached to it."""
        if self.position is not None:
            inside = -len(tokens) <= self.position < len(tokens)
            return (self.position, tokens[self.position]) if inside else None
        if self.keyword in tokens:
            index = tokens.index(self.keyword) + 1
            while index < len(tokens) - 1 and is_label_of(tokens[index]):
                index += 1
            return (index, tokens[index]) if index < len(tokens) else None
        if self.keyword.endswith("="):
            for index, token in enumerate(tokens):
                if token.startswith(self.keyword):
                    return index, token[len(self.keyword) :]
        return None

    def _number(self, token: str, following: list[str], at_end: bool) -> Number | None:
        start, stop, step = self.part.indices(len(token))
        piece = token[start:stop:step]
        lead = len(piece) - len(piece.lstrip())
        if self.position is None and (time := _clock(piece.strip())):
            return Number(time[0], time[1], CLOCK, bool(following) or not at_end)
        match = _NUMBER.match(piece, lead)
        if match is None or (self.position is None and match["brackets"].strip("\"'")):
            return None  # brackets after the keyword are a part of the label
        text, end = match["number"], start + match.end()
        rest = token[end:]
        unit: Unit | Unclear | None
        if stop < len(token) or start:
            rest, cut = self._cut(token, start + match.start("number"), end, stop)
            unit = cut or unit_after(rest, following, self.of_rates, self.separator is not None)
        else:
            unit = unit_after(rest, following, self.of_rates, self.separator is not None)
        unit = unit or last_unit(rest, following, self.of_rates)
        if is_list(text, rest, following, self.of_rates):
            unit = Unclear(" ".join([text + rest, *following]), "may be one number or several", "give --position")
        if not text[-1].isdigit() and text[-1] != "." and rest[:1].isalpha() and not isinstance(unit, Unit):
            return None  # a word that begins with nan or inf
        return Number(text, float(text), unit, bool(rest) or not at_end, token[:start])

    @staticmethod
    def _cut(token: str, begin: int, end: int, stop: int) -> tuple[str, Unclear | None]:
        """What follows a number that --range cut out of its token, and whether the cut changed the number."""
        text, rest = token[begin:end], token[end:]
        digits = re.match(r"[0-9]*(?:\.[0-9]+)?" if "." not in text else r"[0-9]*", rest)
        more_digits = digits[0] if digits else ""
        whole_digits = bool(more_digits) and "." not in text and more_digits[0] != "."
        before = token[begin - 1 : begin] if begin else ""
        exponent = re.match(r"[eE][-+]?[0-9]", rest[len(more_digits) :]) or (more_digits and "e" in text.casefold())
        if whole_digits or exponent or before.isdigit() or before in (".", ","):
            return "", Unclear(token, "is a number that --range cuts in two", "give another --range")
        if end < stop:
            return rest, None
        unit = parse_unit(re.split(rf"[{re.escape(CLOSING)}\s|]", rest[len(more_digits) :], maxsplit=1)[0] or "x")
        return (unit.text if isinstance(unit, Unit) else ""), None

    def _label(self, tokens: list[str], index: int) -> Unit | Unclear | None:
        """The unit in what precedes the number: in the keyword, in brackets after it, or in brackets before it."""
        if self.position is not None:
            return self._label_at_position(tokens, index)
        if self.keyword not in tokens:
            return unit_before([*tokens[:index], self.keyword], self.of_rates)
        at = tokens.index(self.keyword)
        unit = unit_before(tokens[:index], self.of_rates)
        if unit is None and at and is_label_of(tokens[at - 1]) and not "".join(tokens[: at - 1])[-1:].isdigit():
            return unit_before([tokens[at - 1]], self.of_rates)
        return unit

    def _label_at_position(self, tokens: list[str], index: int) -> Unit | Unclear | None:
        """The unit in the token before the number, which need not be a label."""
        if not index:
            return None
        token = tokens[index - 1].rstrip()
        unit = unit_before(tokens[:index], self.of_rates)
        if token.endswith((":", "=")) or is_label_of(token) or (self.separator or "").strip() in (":", "="):
            return unit
        of_another_number = index > 1 and tokens[index - 2][-1:].isdigit()
        return unit if isinstance(unit, Unit) and not of_another_number else None

    def _combined(self, own: Unit | Unclear | None, label: Unit | Unclear | None) -> Unit | Unclear | None:
        """The unit that number, label and --record_unit agree on."""
        if self.stated is not None:
            known = own if isinstance(own, Unit) else label if isinstance(label, Unit) else None
            if isinstance(own, Unclear) and not own.text.replace("%", "x")[:1].isalpha():
                return own  # what cannot be read is the number, not its unit
            if known is None or (known.kind, known.factor) == (self.stated.kind, self.stated.factor):
                return self.stated
            return Unclear(known.text, f"is not the unit of --record_unit, {self.stated.text}")
        if isinstance(own, Unit) and isinstance(label, Unit) and own.meaning != label.meaning:
            return Unclear(own.text, f"is not the unit that precedes the number, {label.text}")
        if isinstance(label, Unclear) and any(map(str.isdigit, label.text)):
            return label  # it multiplies whatever follows: `time per 100 steps: 69 s`
        return own or label


def _clock(piece: str) -> tuple[str, float] | None:
    """Text and seconds of `0:01:02.5` or `1m2.5s`."""
    bare = piece.strip(CLOSING + "[(")
    match = _CLOCK.fullmatch(bare) or _PARTS.fullmatch(bare)
    if match is None or not (match["h"] or match["m"]):
        return None
    return bare, 3600 * float(match["h"] or 0) + 60 * float(match["m"] or 0) + float(match["s"])
