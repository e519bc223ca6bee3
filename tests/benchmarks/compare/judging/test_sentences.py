"""A verdict in words."""

from __future__ import annotations

import math

import pytest

from benchmarks.compare.document import Measure, Word
from benchmarks.compare.judging.sentences import ONE_ORDER, in_words, range_in_words, sentence
from benchmarks.compare.judging.statistics import Interval


def _interval(ratio: float, low: float, high: float, deviation: float = 0.02) -> Interval:
    return Interval(math.log(ratio), math.log(low), math.log(high), deviation, 8, 0.02)


SLOWER = _interval(0.949, 0.928, 0.965)


def _sentence(
    word: Word,
    rests_on: list[Measure],
    wall: Interval | None,
    cpu: Interval | None = None,
    needed: int | None = None,
    stored: bool = False,
    objection: str = "",
) -> str:
    return sentence(word, rests_on, wall, cpu, allowed=0.03, needed=needed, stored=stored, objection=objection)


def test_slower() -> None:
    assert _sentence("slower", ["cpu"], None, SLOWER) == (
        "head is 5.1 % slower than base (3.5 to 7.2 % slower) by CPU seconds; this is more than the allowed 3 %"
    )


def test_slower_perhaps_by_less_than_allowed() -> None:
    text = _sentence("slower", ["wall"], _interval(0.97, 0.95, 0.99))

    assert text == ("head is 3.0 % slower than base (1.0 to 5.0 % slower); this may be more than the allowed 3 %")


def test_gain_is_said_as_a_loss_is() -> None:
    text = _sentence("faster", ["wall"], _interval(1.051, 1.029, 1.072))

    assert text == "head is 5.1 % faster than base (2.9 to 7.2 % faster); a gain beyond the noise"


def test_no_slower() -> None:
    assert _sentence("no slower", ["wall"], _interval(1.0001, 0.985, 1.02)) == (
        "head is as fast as base (1.5 % slower to 2.0 % faster); no slower than the allowed 3 %"
    )


def test_loss_within_the_allowed_is_said() -> None:
    text = _sentence("no slower", ["wall"], _interval(0.985, 0.98, 0.99))

    assert text.endswith("; slower, but by less than the allowed 3 %")


def test_cannot_tell_says_what_would_be_needed() -> None:
    text = _sentence("cannot tell", ["wall"], _interval(0.99, 0.8, 1.2, deviation=0.23), needed=150)

    assert text == (
        "cannot tell: head is between 20 % slower and 20 % faster than base (best estimate 1 % slower); "
        "at this noise about 150 pairs would tell, with a probability of 80 %, if it is 3 % slower"
    )


def test_pairs_of_one_order_are_the_reason_and_not_their_number() -> None:
    text = _sentence("cannot tell", ["wall"], SLOWER, needed=13, objection=ONE_ORDER)

    assert text == (
        "cannot tell: head is 3.5 to 7.2 % slower than base (best estimate 5.1 % slower); "
        "all pairs ran in the same order, and the second run may always be slower"
    )


def test_astronomic_ends_of_an_interval_are_not_spelled_out() -> None:
    text = _sentence("cannot tell", ["wall"], _interval(1.1, 0.01, 1e9, deviation=3.0), needed=1000)

    assert "head is between 99 % slower and more than 1000 % faster than base (best estimate 10 % faster)" in text


def test_more_pairs_than_can_be_asked_for_are_not_spelled_out() -> None:
    text = _sentence("cannot tell", ["wall"], _interval(0.99, 0.8, 1.2, deviation=0.23), needed=201)

    assert "more than 200 pairs would tell" in text


def test_measures_that_contradict_each_other_are_named() -> None:
    text = _sentence("cannot tell", ["wall", "cpu"], _interval(1.05, 1.02, 1.08), SLOWER, needed=13)

    assert text == (
        "cannot tell: head is 2.0 to 8.0 % faster than base (best estimate 5.0 % faster) by throughput and "
        "3.5 to 7.2 % slower than base (best estimate 5.1 % slower) by CPU seconds; "
        "the two measures contradict each other"
    )


def test_gain_of_throughput_that_costs_cpu_seconds_is_said() -> None:
    text = _sentence("faster", ["wall"], _interval(1.05, 1.02, 1.08), SLOWER)

    assert text.endswith(
        "; the CPU seconds show the opposite: 5.1 % slower than base (3.5 to 7.2 % slower) by CPU seconds"
    )


def test_stored_side_is_said_to_be_weaker() -> None:
    text = _sentence("slower", ["wall"], SLOWER, stored=True)

    assert text.endswith("; weaker than a comparison in pairs: the stored runs are from another time")


def test_without_figures_there_is_a_sentence() -> None:
    assert _sentence("cannot tell", [], None) == "cannot tell: fewer than two pairs were measured"


@pytest.mark.parametrize(
    ("low", "high", "digits", "text"),
    [
        (0.98, 1.005, 1, "2.0 % slower to 0.5 % faster"),
        (0.95, 0.96, 0, "4 to 5 % slower"),
        (1.001, 1.0025, 2, "0.10 to 0.25 % faster"),
        (1.0, 1.0, 1, "0.0 % faster to 0.0 % faster"),
    ],
)
def test_ranges(low: float, high: float, digits: int, text: str) -> None:
    assert range_in_words(math.log(low), math.log(high), digits) == text


def test_change_has_the_asked_digits() -> None:
    assert in_words(math.log(0.9512), 1) == "4.9 % slower"
    assert in_words(math.log(2.5), 0) == "150 % faster"
