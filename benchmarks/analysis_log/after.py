"""What follows the number of a record: a unit, attached, as the next token or in brackets; or something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from benchmarks.analysis_log.units import MULTIPLIERS, Unclear, Unit, parse_unit, seconds_of

NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
CLOSING = "])}\"',;"
HARMLESS = {"", "avg", "average", "mean", "val", "train", "total", "cur", "current", "smoothed", "global", "all", "max"}

MAX_LENGTH = 200
"""Characters that are looked at: a unit is not longer."""

_NAME_OR_UNIT = "may be the unit, or the name of the next value"
_WORD = r"[^\W\d_][^\W\d]*"
_PER = rf"\s*(?:/|\bper\b)\s*{_WORD}"
_PHRASE = re.compile(rf"(?:{_WORD}|1(?=\s*/\s*{_WORD})|(?=/\s*{_WORD}))(?:{_PER}){{0,2}}")
_LATER_RATE = re.compile(rf"(?:{_WORD}\s+){{1,2}}?(?P<unit>{_WORD}(?:{_PER}){{1,2}})")
_LATER_TIME = re.compile(rf"{_WORD}\s+(?:{_WORD}\s+)?(?P<unit>{_WORD})(?!\s*[:=/\w])")
_MULTIPLIER = re.compile(rf"(?:{'|'.join(MULTIPLIERS)})(?![^\s{re.escape(CLOSING)}|])\s*")
_FACTOR = re.compile(r"[(\[]?\s*[x\u00d7*\u00b7]\s*[0-9]|[eE][-+]?[0-9]|,[0-9]|10(?:\^|\*\*|[¹²³⁴⁵⁶⁷⁸⁹⁻])")
_NAME_ENDS = re.compile(r"[\"']?\s*[:=]")
_OPENING = re.compile(r"\s*[\"'<(\[{~]+\s*")
_BAR = re.compile(r"\s*[|\u2013-]\s+")
_LIST = re.compile(rf"[,;\s]*(?:(?:-|->|\u2013|to|vs)\s+)?{NUMBER}(?:[,;\s]+{NUMBER})*(?P<rest>.*)")
_DEVIATION = re.compile(rf"\s*(?:(?:±|\+/?-)\s*{NUMBER}|[(\[]\s*[^()\[\]]*{NUMBER}[^()\[\]]*[)\]])")
_LAST_UNIT = re.compile(
    rf"(?:[,;|\s]*[^\W\d]\w*\s*[=:\s]\s*{NUMBER})+\s*[\[(]\s*(?P<unit>[^\[\](){{}}\d]{{1,40}}?)\s*[\])]\s*$"
)
_BRACKETS = re.compile(r"\s*[\[({]\s*([^\[\](){}]*?)\s*[\])}]")
_LEADING_NUMBER = re.compile(rf"\s*{NUMBER}")
_SMALLER_PART = re.compile(rf",?\s*[0-9.]+(?::[0-9][0-9])*\s*(?P<unit>{_WORD})?(?!\s*/|\w)")
_PART_OF_HOUR = re.compile(
    r"(?:\(s\)|[.,+&]|\s+(?:and|und|et)\b)*\s*[0-9]{1,2}(?:\.[0-9]+)?\s*(?:m|mins?|minutes?|s|secs?|seconds?|')"
    r"(?![^\W\d])(?!\s*/)|\s*[0-9]{1,2}(?![\w.:%/]|\s*(?:/|[^\W\d]))"
)
"""What follows minutes or hours that are not the whole time: `1 h 2m`, `1 min, 30 sec`, `1 hour and 5 minutes`."""


def unit_after(rest: str, following: Sequence[str], of_rates: bool, columns: bool) -> Unit | Unclear | None:
    """The unit of a number; None if nothing that follows it is a unit.

    Args:
        rest: of the number's token.
        following: the next tokens of the line.
        of_rates: whether rates are read. A rate may be followed by any word, a time by a unit only.
        columns: whether a token is a column of its own, so that a word in the next one need not be a unit.
    """
    return _unit_in(rest[:MAX_LENGTH], " ".join(following)[:MAX_LENGTH], of_rates, columns)


@lru_cache(maxsize=4096)
def _unit_in(rest: str, following: str, of_rates: bool, columns: bool) -> Unit | Unclear | None:
    own = rest.lstrip(CLOSING)
    closed = own != rest or (columns and not own.strip())
    attached = bool(own) and not own[0].isspace()
    text = (own if columns and own.strip() else f"{own} {following}")[:MAX_LENGTH]
    if _FACTOR.match(text.lstrip()) and (attached or not own):
        return _no_unit(_first(text))
    if not _is_bracketed_unit(text) and (skipped := _DEVIATION.match(text)):
        text, attached, closed = text[skipped.end() :].lstrip(CLOSING), False, True
    if brackets := _BRACKETS.match(text):
        return _in_brackets(brackets[1], closed)
    if not attached and (bar := _BAR.match(text)):
        beyond = _phrase(text[bar.end() :], False, of_rates)
        return Unclear(beyond.text, _NAME_OR_UNIT) if isinstance(beyond, Unit) and _alone(text, beyond) else None
    if not attached and (opening := _OPENING.match(text)):
        text, closed = text[opening.end() :], True
    found = _phrase(text.lstrip(), attached, of_rates)
    return None if closed and not attached and isinstance(found, Unclear) else found


def is_list(number: str, rest: str, following: Sequence[str], of_rates: bool) -> bool:
    """Whether a number is the first of several with one unit, `500, 600 ms`, or the thousands of one, `1 234 ms`."""
    match = _LIST.fullmatch(" ".join([rest, *following])[:MAX_LENGTH]) if not rest.strip(",;") else None
    if match is None or match["rest"].lstrip().startswith("/"):
        return False
    unit = _unit_in(match["rest"], "", of_rates, False)
    thousands = re.fullmatch(r"[0-9]{1,3} [0-9]{3}(?:\.[0-9]*)?", " ".join([number, *following[:1]]))
    return isinstance(unit, Unit) and ((unit.kind == "rate") == of_rates or thousands is not None)


def last_unit(rest: str, following: Sequence[str], of_rates: bool) -> Unclear | None:
    """A unit at the end of the line, which may be that of all its values: `avg=500 max=600 (ms)`."""
    found = _LAST_UNIT.fullmatch(" ".join([rest, *following])[:MAX_LENGTH])
    unit = parse_unit(found["unit"]) if found else None
    if not isinstance(unit, Unit) or unit.text == "s" or (unit.kind == "rate") != of_rates:
        return None
    return Unclear(unit.text, "may be the unit of all numbers before it, or of the last one")


def _alone(text: str, unit: Unit) -> bool:
    """Whether no number follows a unit in a text: then it is no name of another value."""
    return not _LEADING_NUMBER.match(text.partition(unit.text)[2])


def _is_bracketed_unit(text: str) -> bool:
    brackets = _BRACKETS.match(text)
    return brackets is not None and isinstance(parse_unit(brackets[1]), Unit)


def _in_brackets(content: str, closed: bool) -> Unit | Unclear | None:
    if content.casefold() in HARMLESS or (closed and not isinstance(parse_unit(content), Unit)):
        return None
    return parse_unit(content) or Unclear(content)


def _phrase(text: str, attached: bool, of_rates: bool) -> Unit | Unclear | None:
    if (multiplier := _MULTIPLIER.match(text)) is not None:
        return _multiplied(multiplier[0].strip(), text[multiplier.end() :])
    phrase = _PHRASE.match(text)
    if phrase is None:
        return _no_unit(_first(text)) if attached or text[:1] in tuple("%‰°/") else None
    word, after = phrase[0], text[phrase.end() :]
    if _NAME_ENDS.match(after) and not attached:  # the name of the next value
        return _name_or_unit(word)
    if after and (after[0] in "^*\\" or not (after[0].isascii() or after[0].isspace())):
        return _no_unit(_first(text))
    if (attached and after[:1].strip() and after[0] not in f"{CLOSING}|:<>.") or re.match(r"\s*(?:/|per\b)", after):
        return Unclear(_first(text))  # a unit that continues in a way that is not understood: `s/100 steps`
    unit = parse_unit(word)
    if isinstance(unit, Unit):
        return _whole(unit, attached, of_rates, after)
    return _word(text, word, attached, of_rates, after) if unit is None else unit


def _name_or_unit(name: str) -> Unclear | None:
    known = isinstance(parse_unit(name), Unit) and name not in ("min", "s", "h")
    return Unclear(name, _NAME_OR_UNIT) if known or name.casefold() in ("unit", "units") else None


def _multiplied(multiplier: str, after: str) -> Unit | Unclear | None:
    """Of a number with a multiplier: `1.2 k samples/s`."""
    if _NAME_ENDS.match(after):
        return None
    phrase = _PHRASE.match(after)
    named = phrase is not None and _NAME_ENDS.match(after, phrase.end()) is not None
    unit = parse_unit(phrase[0]) if phrase and not named else None
    if isinstance(unit, Unclear):
        return unit
    if _LEADING_NUMBER.match(after) or (unit is not None and unit.kind == "time"):
        return Unclear(multiplier)
    factor = MULTIPLIERS[multiplier]
    if unit is None:
        return Unit(multiplier, "rate", factor)
    return replace(unit, text=f"{multiplier} {unit.text}", factor=unit.factor * factor)


def _whole(unit: Unit, attached: bool, of_rates: bool, after: str) -> Unit | Unclear | None:
    """The unit, unless the next number belongs to it: `1 min 23 s`, or `0.5 min 0.4 max 0.6`."""
    if unit.kind == "rate" or unit.counted:
        return unit
    if unit.text == "min" and not attached and re.match(rf"\s*{NUMBER}(?![0-9.]|\s*s)", after):
        return None if of_rates else Unclear("min", "may be minutes or a minimum")
    if unit.factor in (60.0, 3600.0) and _PART_OF_HOUR.match(after):
        return Unclear(unit.text, "is followed by a second part of the time")
    part = _SMALLER_PART.match(after)
    smaller = part and (seconds_of(part["unit"]) if part["unit"] else 0.0 if ":" in part[0] else None)
    if part and smaller is not None and smaller < unit.factor and (unit.factor == 86400.0 or after[0] != ","):
        return Unclear(unit.text, "is followed by a second part of the time")
    return unit


def _word(text: str, word: str, attached: bool, of_rates: bool, after: str) -> Unit | Unclear | None:
    """Of a word that is no unit."""
    if attached:
        return _no_unit(_first(text))
    if of_rates and (time := _LATER_TIME.match(text)) and seconds_of(time["unit"]) is not None:
        return Unclear(time[0])  # 12 samples a minute
    if of_rates:
        later = _LATER_RATE.match(text)
        unit = parse_unit(later["unit"]) if later else None
        return unit if isinstance(unit, Unit) else None
    return None if _LEADING_NUMBER.match(after) or after.lstrip()[:1] == "(" else Unclear(word)


def _no_unit(token: str) -> Unclear:
    if any(character.isdigit() for character in token) and not token[0].isalpha():
        advice = "write it without separators and with a decimal point, or give another --position or --range"
        return Unclear(token, "cannot follow a number", advice)
    return Unclear(token)


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0]
