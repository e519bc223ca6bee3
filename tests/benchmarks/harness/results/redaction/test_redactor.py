from __future__ import annotations

import re
import string
import time
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.harness.results.redaction import Identity, Redactor
from benchmarks.harness.worker.step_log import log_line
from private_lines import (
    ADDRESS_LINES,
    ALICE,
    HOST,
    IPV4,
    IPV6,
    KEPT,
    LOOKALIKES,
    MAC,
    OTHER_HOST_LINES,
    OWN_NAME_LINES,
    redact,
)
from samples import step_record


@pytest.mark.parametrize("line", KEPT)
def test_lines_without_private_text_are_kept(line: str) -> None:
    assert redact(line) == line


def test_what_only_looks_like_private_data_is_kept_whatever_the_names_of_user_and_host() -> None:
    common = Redactor(ALICE | Identity(users=frozenset({"root", "user", "psenet"}), hosts=frozenset({"data", "gpu"})))
    changed = {line: common(line) for line in LOOKALIKES if common(line) != line}
    assert not changed


def test_colours_are_kept() -> None:
    line = "\x1b[32m12/60\x1b[0m loss \x1b[1m0.5\x1b[0m"
    assert redact(line) == line


NUMBER = st.integers().map(str) | st.floats().map(str) | st.floats(0, 1e6).map("{:.6f}".format)
WORD = st.text(string.ascii_letters, min_size=1, max_size=10).filter(lambda word: word.lower() != "alice")
TIME = st.times().map(str) | st.datetimes().map(str) | st.datetimes().map(datetime.isoformat) | st.dates().map(str)
VERSION = st.lists(st.integers(0, 3000).map(str), min_size=2, max_size=3).map(".".join)
CPP_NAME = st.lists(st.from_regex(r"[a-z]{2,8}[g-z]", fullmatch=True), min_size=2, max_size=4).map("::".join)
SLICE = st.builds("x[{}:{}:{}]".format, *[st.just("") | st.integers(-99, 999).map(str)] * 3)
PLAIN = NUMBER | WORD | TIME | VERSION | CPP_NAME | SLICE


@given(
    st.lists(st.tuples(PLAIN, st.sampled_from([" ", ", ", " = ", "; ", " (", ") ", "\n"]))).map(
        lambda pairs: "".join(map("".join, pairs))
    )
)
@settings(deadline=None)
def test_words_numbers_times_versions_names_and_slices_are_kept(text: str) -> None:
    assert redact(text) == text


WORDS_OF_THE_LOG_LINE = frozenset(
    re.findall(r"[a-z]+", log_line(step_record(loss=1.0), total_steps=2, learning_rate=0.1))
)


@given(
    index=st.integers(1, 10**6),
    seconds=st.floats(1e-6, 1e6),
    loss=st.floats(),
    learning_rate=st.floats(0, 10),
    samples=st.integers(1, 4096),
)
@settings(deadline=None, max_examples=40)
def test_the_suites_own_log_line_is_kept_whatever_the_names_of_user_and_host(
    index: int, seconds: float, loss: float, learning_rate: float, samples: int
) -> None:
    record = step_record(index, seconds=seconds, data_wait_seconds=seconds, samples=samples, loss=loss)
    line = log_line(record, 10**6, learning_rate)
    names = WORDS_OF_THE_LOG_LINE | {str(index), "0.001"}
    assert Redactor(Identity(users=names, hosts=names))(line) == line


ANY_PRIVATE = (
    IPV4
    | IPV6
    | MAC
    | HOST
    | st.sampled_from(["alice", "gpu-node17", "/home/bob", "/root", "/data/people/alice", "<user>"])
)
ANY_TEMPLATE = st.sampled_from(ADDRESS_LINES + OTHER_HOST_LINES + OWN_NAME_LINES + KEPT)
FRAGMENT = ANY_PRIVATE | st.text("0123456789abcdefg:.-_/<>[]@% \n", max_size=12)


@given(
    st.lists(FRAGMENT, max_size=8).map("".join)
    | st.builds(lambda line, name: line.replace("@", name), ANY_TEMPLATE, ANY_PRIVATE)
)
@example("alice::1")
@example("10.0.0.1::1")
@example("alice/root")
@example("host : node3")
@example("1.2.3.4.5.6.7.8")
@settings(deadline=None)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert once.count("\n") == text.count("\n")


# Beginnings of private text that are never completed: a regular expression may backtrack on them.
UNITS = [
    "a",
    "a.",
    ":",
    "1:",
    "00:",
    "00-",
    "1.",
    "/home/",
    "host",
    "host:",
    "-1",
    "a-1",
    "[",
    "[a",
    "://a",
    "_1",
    "::",
    "a::",
    "f:",
    "@",
    "%a",
    "alice",
    "gpu-node17.",
    "0000:",
    "a.b-",
    "ab.internal",
    "host ",
    "to ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_redaction_takes_time_linear_in_the_length(unit: str) -> None:
    def seconds(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            redact(text)
            best = min(best, time.perf_counter() - start)
        return best

    short = unit * (4000 // len(unit))
    # Quadratic time reaches the limit of 64 times; other work on the machine does not.
    assert seconds(short * 8) < 8 * 8 * seconds(short) + 0.01
