"""What precedes the number of a record: a label that may have a unit: `time_ms:`, `(ms):` or `SamplesPerSec=`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from benchmarks.analysis_log.after import HARMLESS
from benchmarks.analysis_log.units import COUNTED, MULTIPLIERS, STEP, Unclear, Unit, parse_unit, seconds_of

MAX_TOKENS = 4
"""Tokens of a label that are looked at: `Img/sec per GPU:`."""

MAX_HEADING = 2000
"""Characters before a number in which the heading of its line is looked for."""

_ENDS_OF_VALUES = frozenset("0123456789,;|")
_END = re.compile(r"[\s:=\"'>|]*$")
_BRACKETS = re.compile(r"(?P<before>.*?)[\[({](?P<content>[^\[\](){}]*)[\])}]$", re.DOTALL)
_LAST_WORDS = re.compile(r"(?:[\w.-]+\s+per\s+(?:[0-9]+\s+)?|[\w.-]+\s*/\s*)*[\w./%-]+$")
_TIMES = {"time", "times", "cost", "latency", "duration", "elapsed", "eta"}
_TIME_ADVICE = "give --model_mode 0, 2 or 4, or state the unit of the records, for example --record_unit it/s"
_RATES = {"throughput", "speed"}
_RATE_ADVICE = "give --model_mode -1, 1 or 3, or state the unit of the records, for example --record_unit s"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GLUED = re.compile(
    r"(?i)(?:(?<=time)|(?<=timein)|(?<=duration)|(?<=latency)|(?<=elapsed)|(?<=cost)|(?<=step)|(?<=iter)|(?<=iteration)"
    r"|(?<=batch)|(?<=epoch)|(?<=avg)|(?<=mean)|(?<=\bdt))(?=(?:[num]s(?:ecs?)?|secs?|seconds|mins?|minutes|hours)\b)"
    r"|(?:(?<=speed)|(?<=throughput)|(?<=tput)|(?<=ips))(?=k\b)"
)
"""Where a unit begins in a name without a border: `steptimems`, `speedk`."""

_GLUED_PER = re.compile(r"(?i)(?<=[a-z])per(?=(?:ms|secs?|seconds?|mins?|minutes?|hours?|hr)\b)")
_HEADING = re.compile(
    r"(?:[\[(]\s*(?P<bracketed>[^\[\](){}\d]{1,40}?)\s*[\])]|\bin\s+(?P<plain>[^\W\d_]{2,20}))\s*[:=|,;-]*\s+(?=[^\W\d])"
)
_UNIT_FIELD = re.compile(r"\bunits?[\"']?\s*[:=]\s*[\"']?(?P<unit>[^\W\d][^\s\"',;})]{0,40})")


def unit_before(tokens: Sequence[str], of_rates: bool) -> Unit | Unclear | None:
    """The unit in a label, which is the end of `tokens`; None if the label has none."""
    start = len(tokens) - 1
    while start > 0 and len(tokens) - start < MAX_TOKENS and not _ends_value(tokens, start - 1):
        start -= 1
    return _unit_in(" ".join(tokens[start:])[-200:], of_rates)


@lru_cache(maxsize=1024)
def _unit_in(label: str, of_rates: bool) -> Unit | Unclear | None:
    text = _END.sub("", label)
    if brackets := _BRACKETS.match(text):
        before, content = brackets["before"], brackets["content"].strip()
        plural = content == "s" and before[-1:].isalpha()  # `GPU(s)`; as seconds, `time(s)`, it changes nothing
        found = None if plural else _in_brackets(content)
        if found is not None:
            return found
        text = _END.sub("", before)
    words = _LAST_WORDS.search(text)
    return _identifier(words[0], of_rates) if words else None


def heading(tokens: Sequence[str], of_rates: bool) -> Unit | None:
    """The unit of all values of a line, which precedes the first name: `time (ms) | forward: 12.1 | step: 50.3`."""
    text = " ".join(tokens)[-MAX_HEADING:]
    for found in reversed(list(_HEADING.finditer(text))):
        unit = parse_unit(found["bracketed"] or found["plain"])
        if isinstance(unit, Unit) and unit.text != "s" and unit.kind == ("rate" if of_rates else "time"):
            return unit
    return None


def unit_field(line: str) -> Unclear | None:
    """A unit as a value of its own, which need not be that of the record: `{"value": 693, "unit": "ms"}`."""
    found = _UNIT_FIELD.search(line) if "unit" in line else None
    unit = parse_unit(found["unit"]) if found else None
    return Unclear(found[0], "may be the unit of the record") if found and isinstance(unit, Unit) else None


def _ends_value(tokens: Sequence[str], at: int) -> bool:
    """Whether a token is the end of another value; not so a number in `ms per 100 steps:`, or in `(50 steps):`."""
    if tokens[at][-1:] not in _ENDS_OF_VALUES or (at > 0 and tokens[at - 1] in ("per", "/")):
        return False
    label = "".join(tokens[at + 1 :])
    return label.count("(") + label.count("[") >= label.count(")") + label.count("]")


def is_label_of(token: str) -> bool:
    """Whether a token after the keyword continues the label: `:`, `=`, `(ms)` or `[ms]:`."""
    return re.fullmatch(r"[:=]|[\[(][^\W\d][^\d\[\]()]*[\])][:=]?", token) is not None


def _in_brackets(content: str) -> Unit | Unclear | None:
    if content.casefold() == "min":
        return Unclear("(min)", "may be minutes or a minimum")
    words = re.findall(r"[^\W\d_]+", content)
    if content[:1] in ("%", "‰") or re.search(r"[x\u00d7*\u00b7]\s*[0-9]|10\^|000|[0-9]e[0-9]", content):
        return Unclear(content)
    if content.casefold() in HARMLESS or (words != [content] and "/" not in content and not any(map(_means, words))):
        return None
    return parse_unit(content) or Unclear(content)


def _means(word: str) -> bool:
    """Whether a word is a unit, or a noun that a rate counts."""
    unit = parse_unit(f"{word}/s")
    return parse_unit(word) is not None or (isinstance(unit, Unit) and unit.counted in COUNTED)


def _identifier(name: str, of_rates: bool) -> Unit | Unclear | None:
    """Of the last words of a label, whose parts are joined by `_`, `-`, `.`, capitals, blanks or slashes."""
    name = re.sub(r"\s*/\s*|\s+per\s+", " / ", _GLUED_PER.sub("_per_", name))
    words = [word for word in re.split(r"[\s_.-]+", _CAMEL.sub("_", _GLUED.sub("_", name))) if word]
    if re.search(r"/ [0-9]", name):
        return Unclear(name)
    words = ["/" if word.casefold() == "per" else word for word in words]
    if "/" not in words:
        return _words(words, of_rates)
    slashes = [at for at in range(1, len(words) - 1) if words[at] == "/"]
    first = next((at for at in slashes if seconds_of(words[at - 1]) or seconds_of(words[at + 1])), None)
    if first is None:  # a path: `train/time_ms`
        return _words(words[len(words) - words[::-1].index("/") :], of_rates)
    if MULTIPLIERS.keys() & set(words[first + 1 :]):
        return Unclear(name)
    start = first - 2 if first > 1 and words[first - 2] in MULTIPLIERS else first - 1
    below = [words[at + 1] for at in slashes if at >= first]
    return parse_unit("/".join(["_".join(words[start:first]), *below]))


def _words(words: Sequence[str], of_rates: bool) -> Unit | Unclear | None:
    """Of an identifier without a slash: `time_ms`, `time_ms_avg`, or `images_s`, which is images per second."""
    if not words:
        return None
    if words[-1].casefold() in ("min", "m"):
        return Unclear("_".join(words), "may be minutes")
    if words[-1] in MULTIPLIERS:
        return Unclear("_".join(words))
    at = next((at for at in range(len(words) - 1, -1, -1) if _is_unit_of_time(words[at], at == len(words) - 1)), None)
    if at is not None:
        return _time_or_rate(words[: at + 1], of_rates)
    names = {word.casefold() for word in words}
    if of_rates and _TIMES & names:
        return Unclear("_".join(words), "names a time, and --model_mode reads rates", _TIME_ADVICE)
    if not of_rates and _RATES & names:
        return Unclear("_".join(words), "names a rate, and --model_mode reads times", _RATE_ADVICE)
    return parse_unit(words[-1])


def _is_unit_of_time(word: str, last: bool) -> bool:
    """Single letters, and `min`, mean something else inside a name."""
    return seconds_of(word) is not None and (last or (len(word) > 1 and word.casefold() != "min"))


def _time_or_rate(words: Sequence[str], of_rates: bool) -> Unit | Unclear | None:
    last = words[-1]
    seconds = seconds_of(last)
    assert seconds is not None
    rate = parse_unit(f"{words[-2]}/{last}") if of_rates and len(words) > 1 else None
    if not isinstance(rate, Unit) or rate.counted not in COUNTED:
        return Unit(last, "time", seconds)
    if seconds == 1.0 and rate.counted != STEP:
        return rate
    return Unclear("_".join(words[-2:]), "may be a rate or a time")
