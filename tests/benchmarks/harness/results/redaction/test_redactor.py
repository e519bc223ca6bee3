from __future__ import annotations

import re
import string
import time
from dataclasses import replace
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
# fmt: off
UNITS = (
    'a', 'a.', ':', '1:', '00:', '00-', '1.', '/home/', 'host', 'host:', '-1', 'a-1', '[', '[a', '://a', '_1', '::',
    'a::', 'f:', '@', '%a', 'alice', 'gpu-node17.', '0000:', 'a.b-', 'ab.internal', 'host ', 'to ', '://a:', '://a/',
    '://a@', '://@', 'a@', '@a', 'a@b.', 'a@b', '%40', 'bob%40', 'key', 'KEY=', "KEY='", 'KEY="', 'KEY=\\"',
    'A_KEY=a', 'token=a', 'token: a1', 'password:', 'password: a', 'secret=\\', '\\\\', '\\', '\\n', '\x1b[',
    '\x1b[1m', '\x1b', 'a\x1b[1m', '\u200b', '\\x1b[', 'Bearer a', 'authorization: a', 'authorization:', 'cookie: ',
    'gh', 'ghp_', 'ghp_a', 'hf_a', 'sk-a', 'sk-', 'eyJaaaaa.', 'eyJaaaaa', 'AKIA', 'AKIAA', 'xoxb-', 'SHA256:a',
    'SHA256:', 'GPU-', 'GPU-a', 'MIG-', 'MIG-GPU-a', 'serial: a', 'serial: 1-', 'uuid: 0', 'uuid: 00000000-',
    'guid 0x0', 'srun: error: a', 'srun: error: a,', 'srun: e: a[1]', 'on node a', 'on node a[', 'on node a1,',
    'nodes=a,', 'nodes=a[1],', 'NODELIST=a[', 'nodelist: a[1]', "hosts='a", 'Nodes a', 'step a on ', 'step 1 on a,',
    '[[a', '[[a]:', 'connect to host ', 'resolve a', 'resolve host ', "permanently added '", 'known', 'a: Name',
    'ping: a', '\\\\a\\b', '\\\\a', '\\\\aa\\', '-1-1-1-1', 'ip-1-1-1-1', 'ip-1-1-1-1.a', 'a-1-1-1-1', 'a1-1.',
    'a.local', '1.local', 'a-.', 'a-.corp', '.corp', '1.1.1.1.', 'nvidia-cu', 'nvidia-cu-', 'version 1.',
    'version 1.1.1.1.', 'v1.', 'opencv-', '==1.', 'user=', 'user=a', "user='", 'uid=1(', 'uid=1(a', 'for user a',
    '/torchinductor_a', '/pytest-of-', '%2Fhome%2F', '%2Fhome', 'C:\\Users\\', '\\Users\\a', '/Users', '/root',
    'root', '0011.', 'aaaa.', '<user>@', '<ip>', '<user>@a', 'ssh a@', 'ssh -a ', 'ssh ', 'a@b:', 'a:1:1 [',
    '1:1:1 [0] a', 'peer a<', 'peer a', 'key_', '--key a', '--a-', '--a-token ', 'step: 1/1 loss: ',
    'avg_reader_cost', "hosts=['", '--host ', '--a-host=a:1,', 'Linux a', 'May  1 00:00:00 a', '[a:1] ', 'sig=a',
    'hooks.slack.com/services/a', 'logged in as: ',
)


# fmt: on


def test_redaction_takes_time_linear_in_the_length() -> None:
    """Quadratic time takes 16 times as long for 4 times the length; other work on the machine does not."""

    def seconds(unit: str, length: int) -> float:
        text = unit * (length // len(unit))
        start = time.thread_time()
        redact(text)
        return time.thread_time() - start

    slow = {unit for unit in UNITS if seconds(unit, 4000) > 0.01 + 8 * seconds(unit, 1000)}
    assert not {unit for unit in slow if seconds(unit, 64_000) > 0.1 + 8 * seconds(unit, 16_000)}


TOKEN = st.from_regex(r"[A-Za-z]{3}[A-Za-z0-9]{8,20}[0-9]", fullmatch=True)
ACCOUNT = st.from_regex(r"[a-z]{3,8}[0-9]", fullmatch=True)
NODE = st.from_regex(r"[a-z]{3,8}[0-9]{2}", fullmatch=True).filter(lambda name: not name.startswith("rank"))
# A line with one private text @, of an account, a node or a credential that nobody knows before.
UNKNOWN = (
    ("MY_API_KEY=@", TOKEN),
    ("{'GIT_TOKEN': '@'}", TOKEN),
    ("DB_PASSWORD=@ x", TOKEN),
    ('"client_secret": "@"', TOKEN),
    ("https://oauth2:@@git.example/x", TOKEN),
    ("https://x:@:3@git.example/x", TOKEN),
    ("Authorization: Bearer @", TOKEN),
    ("ghp_@", TOKEN),
    ("mail @@corp.example now", ACCOUNT),
    ("scp @@gpu7:/data/x .", ACCOUNT),
    ("/home/@/x", ACCOUNT),
    (r"C:\Users\@\x", ACCOUNT),
    ("/tmp/torchinductor_@/x", ACCOUNT),
    ("USER=@", ACCOUNT),
    ("srun: error: @: task 0: Killed", NODE),
    ("SLURM_JOB_NODELIST=@,login1", NODE),
    ("SLURMD_NODENAME=@", NODE),
    ("on node @ exited", NODE),
    ("ssh: connect to host @ port 22: refused", NODE),
    ("peer @.cluster.example.org:29400", NODE),
)
COLOUR = st.sampled_from(["\x1b[31m", "\x1b[0m", "\x1b[1;38;5;208m", "\x1b(B\x1b[m", "\x9b1m", "\u200b", "\x1b[K"])
AROUND = st.sampled_from(["", " ", "[rank0]: ", "2026-11-23 12:30:45,123 INFO ", '{"x": ', "(", "\t", "# "])


@given(known=st.sampled_from(["alice", "gpu-node17", "10.1.2.3"]), data=st.data())
@settings(deadline=None)
def test_a_colour_before_or_inside_a_known_name_does_not_hide_it(known: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(known)))
    colour, before = data.draw(COLOUR), data.draw(AROUND)
    found = redact(f"{before}{known[:at]}{colour}{known[at:]} end")
    assert known not in found.replace(colour, "")
    assert found.count(colour) == 1
    assert found.startswith(before)
    assert found.endswith(" end")


@given(line=st.sampled_from(UNKNOWN), before=AROUND, data=st.data())
@settings(deadline=None, max_examples=150)
def test_private_text_that_nobody_knows_is_removed_coloured_or_not(
    line: tuple[str, st.SearchStrategy[str]], before: str, data: st.DataObject
) -> None:
    form, strategy = line
    private, colour = data.draw(strategy), data.draw(COLOUR | st.just(""))
    at = data.draw(st.integers(0, len(private)))
    text = before + form.replace("@", private[:at] + colour + private[at:], 1)
    found = redact(text)
    assert private not in (found.replace(colour, "") if colour else found), text
    assert redact(found) == found


EAGER = Redactor(ALICE)  # tries all rules on every line
EAGER._families = tuple(replace(each, trigger=re.compile("")) for each in EAGER._families)


@given(
    st.lists(
        FRAGMENT | COLOUR | st.sampled_from([form for form, _ in UNKNOWN]) | st.sampled_from(UNITS), max_size=8
    ).map("".join)
)
@settings(deadline=None)
def test_the_triggers_of_the_rules_miss_no_private_text_and_few_passes_suffice(text: str) -> None:
    assert redact._replaced(text) == EAGER._replaced(text)
    passes = [text]
    while (next_one := redact._redacted(passes[-1])) != passes[-1]:
        passes.append(next_one)
    assert len(passes) <= 6
