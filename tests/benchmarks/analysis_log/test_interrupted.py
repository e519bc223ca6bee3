from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from train_logs import Analyse, lines


@pytest.mark.parametrize(
    ("log", "options", "records", "dropped"),
    [
        (b"ips: 11.54\nips: 12.3", [], 1, True),
        (b"ips: 11.54\nips: 12.", [], 1, True),
        (b"ips: 11.54\nips: 1", [], 1, True),
        (b"ips: 11.54\nips:", [], 1, True),
        (b"ips: 11.54\nips: 12.35", [], 2, False),
        (b"ips: 11.54\nips: 12.3 ", [], 2, False),
        (b"ips: +9.54\nips: +12.35", [], 2, False),
        (b"ips: 11.54\nips: 12.3 sam", [], 2, False),
        (b"ips: 11.54,\nips: 12.3,", [], 2, False),
        (b"ips: 11.54it/s\nips: 12.3it/s", [], 2, False),
        (b"ips: 11.54it/s\nips: 12.34it", [], 1, True),
        (b"ips: 11.54\nips: 12.5\nips: 12.35", [], 2, True),  # the two records before have different forms
        (b"ips: 120\nips: 12", [], 1, True),
        (b"ips: 120\nips: 99\nips: 12", [], 2, True),
        (b"ips: 120\nips: 121", [], 2, False),
        (b"ips: 1.5e-03\nips: 1.5e-0", [], 1, True),
        (b"ips: 1.5e-03\nips: 1.5e-04", [], 2, False),
        (b"11.54 ips: x\n12.5 ips", ["--keyword", "ips", "--position", 0], 2, False),
        (b"ips: 11.54 x\nips: 12.34 x\nips: 12.34", ["--position", -2], 2, True),
        (b"11.54 ips: 12.34 12.35 x\n11.54 ips: 12.34", ["--position", -3], 1, True),
        (b"ips: 11.54123\nips: 12.34", ["--range", "4"], 2, False),
        (b"ips: 11.54123\nips: 12.3", ["--range", "5"], 1, True),
        (b"ips,11.54,x\nips,12.3", ["--keyword", "ips", "--separator", ","], 1, True),
        (b"ips,11.54,x\nips,12.3,", ["--keyword", "ips", "--separator", ","], 2, False),
        (b"ips: 11.54\nsomething el", [], 1, False),
        (b"ips: 11.54\nip", [], 1, False),
        (b"ips: 11.54\r\nips: 12.3\r\n", [], 2, False),
        (b"ips: 11.54\r", [], 1, False),
        (b"ips: 720.5 samples/min\nips: 720.5", [], 1, True),
        (b"ips: 720.5 samples/min\nips: 720.5 samples", [], 1, True),
        (b"ips: 720.5 samples/min\nips: 720.5 samples/m", [], 1, True),
        (b"ips: 720.5 samples/min\nips: 720.5 samples/min", [], 2, False),
        (b"ips: 1.5kit/s\nips: 1.5k", [], 1, True),
        (b"ips: 5.5 ", [], 0, True),
    ],
)
def test_half_a_number_at_the_end_of_an_interrupted_log_is_not_counted(
    analyse: Analyse, log: bytes, options: list[object], records: int, dropped: bool
) -> None:
    _, document = analyse(log, *options)
    assert document["details"]["records_found"] == records
    assert document["details"]["last_line_dropped"] is dropped


@given(
    values=st.lists(st.floats(0.1, 1000), min_size=2, max_size=5),
    decimals=st.integers(0, 6),
    tail=st.sampled_from(["", " samples/sec", ","]),
    data=st.data(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_record_is_wrong_wherever_a_log_was_interrupted(
    analyse: Analyse, values: list[float], decimals: int, tail: str, data: Any
) -> None:
    shown = [f"{value + 1:.{decimals}f}" for value in values]
    assume(decimals or len({len(number) for number in shown}) == 1)
    log = lines(shown, "step: 1 ips: {}" + tail)
    first = log.index("\n") + 1
    cut = data.draw(st.integers(first, len(log)))
    _, document = analyse(log[:cut])
    used = document["details"]["records_used"]
    whole = log[:cut].count("\n")
    assert used in (whole, whole + 1)
    expected = statistics.harmonic_mean([float(number) for number in shown[:used]])
    assert document["FINAL_RESULT"] == pytest.approx(expected, abs=0.001)
