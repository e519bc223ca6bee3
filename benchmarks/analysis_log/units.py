"""Units of records: what `ms`, `kit/s`, `samples/min` or `s/it` mean.

A unit is recognised with certainty, or it is unclear and the log is refused: a wrong unit makes a wrong result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_NAMES_OF_DURATIONS = {
    1e-9: "ns nsec nsecs nanos nanosec nanosecs nanosecond nanoseconds",
    1e-6: "us usec usecs micros microsec microsecs microsecond microseconds 微秒",
    1e-3: "ms msec msecs milli millis millisec millisecs millisecond milliseconds mseconds 毫秒",
    1.0: "s sec secs second seconds 秒",
    60.0: "min mins minute minutes 分钟",
    3600.0: "h hr hrs hour hours 小时",
    86400.0: "day days 天",
}
_SECONDS = {name: seconds for seconds, names in _NAMES_OF_DURATIONS.items() for name in names.split()}

STEP, SAMPLE, EPOCH = "step", "sample", "epoch"
_NOUNS = {
    STEP: "it its iter iters iteration iterations step steps batch batches minibatch minibatches update updates",
    SAMPLE: "sample samples smp spl example examples ex exs image images img imgs im ims pic pics frame frames "
    "instance instances seq seqs sequence sequences sent sents sentence sentences record records item items clip "
    "clips video videos row rows page pages crop crops pair pairs doc docs document documents graph graphs",
    EPOCH: "epoch epochs ep",
    "token": "token tokens tok toks",
    "word": "word words",
    "character": "character characters char chars",
    "pixel": "pixel pixels px",
}
_COUNTED = {name: counted for counted, names in _NOUNS.items() for name in names.split()}
COUNTED = tuple(_NOUNS)
_PREFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
MULTIPLIERS = _PREFIXES | {"thousand": 1e3, "million": 1e6}
_RATE_WORDS = {"hz": ("", 1.0), "khz": ("", 1e3), "fps": (SAMPLE, 1.0)}
_PROCESS = {"gpu", "gpus", "device", "rank", "process", "proc", "worker", "card", "chip", "npu", "tpu"}

# Words that change the meaning of a number and that are no unit of a record: minutes or metres, per minute, bytes.
_NO_RECORD = re.compile(
    r"[mdBT]|kk|mm|bn|mln|[Mm]io|kilo|mega|giga|tera|thousands|millions|billions?|hundreds?|dozens?|lakhs?|crores?|per"
    r"|[pfcdk]s|\w*[Ss]ec\w*|ticks?|cycles?|weeks?|[a-z]p[mh]|[kKMG][a-z]ps|(?:[kKMGTPE]i?)[bBW]|(?:[kKMGTPE]i?)?(?:[Bb]ytes?|[Bb]its?|[Ff][Ll][Oo][Pp][Ss]?|[Bb]ps)"
)


@dataclass(frozen=True)
class Unit:
    """What a number counts.

    Attributes:
        text: the unit as it is written.
        kind: of the number.
        factor: number x factor is per second, or in seconds.
        counted: what a rate counts, or one of what a time takes: STEP, SAMPLE, EPOCH, another noun; "" if unsaid.
        per_process: whether it is the rate of one process, as `samples/s/GPU`.
    """

    text: str
    kind: Literal["rate", "time"]
    factor: float
    counted: str = ""
    per_process: bool = False

    @property
    def meaning(self) -> tuple[str, float, str, bool]:
        """What must agree if a unit is stated twice."""
        return self.kind, self.factor, self.counted, self.per_process


@dataclass(frozen=True)
class Unclear:
    """A unit or a number that cannot be read with certainty.

    Attributes:
        text: as it is written.
        reason: follows the quoted text in a message.
        advice: which option to give.
    """

    text: str
    reason: str = "is no known unit"
    advice: str = "state the unit of the records, for example --record_unit ms, or leave the line out with --exclude"


CLOCK = Unit("h:mm:ss", "time", 1.0)


def seconds_of(name: str) -> float | None:
    """Length in seconds of a unit of time; None if it is none."""
    name = name.replace("µ", "u").replace("μ", "u")
    return _SECONDS.get(name, _SECONDS.get(name.casefold()))


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit | Unclear | None:
    """The unit that a text is; None if it is a single word that changes nothing, such as `samples`."""
    parts = re.split(r"\s*/\s*|\s+per\s+|_per_", text.strip())
    if len(parts) == 1:
        return _single_word(text, parts[0])
    processes = [part for part in parts[1:] if part.casefold() in _PROCESS]
    rest = [part for part in parts if part not in processes]
    if len(rest) != 2 or len(processes) > 1:
        return Unclear(text)
    above, below = map(seconds_of, rest)
    noun = _noun(rest[0] if above is None else rest[1])
    if noun is None or (above is None) == (below is None):
        return Unclear(text)
    factor, counted = noun
    if below is not None:
        return Unit(text, "rate", factor / below, counted, bool(processes))
    assert above is not None
    return Unclear(text) if processes else Unit(text, "time", above / factor, counted)


def _single_word(text: str, word: str) -> Unit | Unclear | None:
    if (seconds := seconds_of(word)) is not None:
        return Unit(text, "time", seconds)
    if (rate := _RATE_WORDS.get(word.casefold())) is not None:
        return Unit(text, "rate", rate[1], rate[0])
    if _NO_RECORD.fullmatch(word) or (word[:1] in _PREFIXES and word[1:].casefold() in _COUNTED | _RATE_WORDS):
        return Unclear(text, "is no unit of a record")
    return None


def _noun(text: str) -> tuple[float, str] | None:
    """Factor and noun: "kit" means (1000, STEP). None if the factor is not certain, as in "msamples" or "GB"."""
    words = re.split(r"[\s_.-]+", text)
    factor = MULTIPLIERS.get(words[0], 1.0) if len(words) > 1 else 1.0
    name = words[-1]
    if text in ("", "1"):
        return 1.0, ""
    if not re.fullmatch(r"[a-zA-Z]+", name) or _NO_RECORD.fullmatch(name) or name in MULTIPLIERS:
        return None
    if (counted := _COUNTED.get(name.casefold())) is not None:
        return factor, counted
    rest = _COUNTED.get(name[1:].casefold())
    if name[0] in _PREFIXES and rest is not None:
        return factor * _PREFIXES[name[0]], rest
    uncertain = name[0] in "kKMGTPE" or rest is not None
    return None if uncertain else (factor, name.casefold().removesuffix("s"))
