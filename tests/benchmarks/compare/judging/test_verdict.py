"""The verdict on the intervals of two measures."""

from __future__ import annotations

import math

import pytest

from benchmarks.compare.document import Measure, Pair, Word
from benchmarks.compare.judging.procedure import Turn
from benchmarks.compare.judging.statistics import Interval
from benchmarks.compare.judging.verdict import judge, measure_of, settled
from compared_pairs import measured, pair_of, run_figures

ALLOWED = 0.03
LIMIT = math.log1p(-ALLOWED)

FASTER = (0.01, 0.05)
WITHIN = (-0.02, 0.01)
SLIGHTLY_SLOWER = (-0.02, -0.01)
PERHAPS_TOO_SLOW = (-0.05, -0.01)
TOO_SLOW = (-0.08, -0.05)
WIDE = (-0.2, 0.2)


def _interval(ends: tuple[float, float] | None) -> Interval | None:
    return ends and Interval(sum(ends) / 2, *ends, deviation=0.02, count=8, level=0.02)


def _judge(
    wall: tuple[float, float] | None, cpu: tuple[float, float] | None, measure: Measure
) -> tuple[Word, list[Measure], bool]:
    intervals = (_interval(wall), _interval(cpu))
    word, rests_on = judge(*intervals, allowed=ALLOWED, measure=measure)
    return word, rests_on, settled(*intervals, allowed=ALLOWED, measure=measure)


@pytest.mark.parametrize(
    ("wall", "word", "is_settled"),
    [
        (FASTER, "faster", True),
        (WITHIN, "no slower", True),
        (SLIGHTLY_SLOWER, "no slower", True),
        (PERHAPS_TOO_SLOW, "slower", False),
        (TOO_SLOW, "slower", True),
        (WIDE, "cannot tell", False),
        ((LIMIT, 0.01), "cannot tell", False),
        ((-0.2, LIMIT), "slower", False),
        ((0.0, 0.1), "no slower", True),
        ((-0.1, 0.0), "cannot tell", False),
    ],
)
@pytest.mark.parametrize("cpu", [None, WITHIN, TOO_SLOW, FASTER])
def test_wall_clock_alone_decides_on_a_quiet_machine(
    wall: tuple[float, float], word: Word, is_settled: bool, cpu: tuple[float, float] | None
) -> None:
    assert _judge(wall, cpu, "wall") == (word, ["wall"], is_settled)


@pytest.mark.parametrize(
    ("wall", "cpu", "word", "rests_on", "is_settled"),
    [
        (WIDE, TOO_SLOW, "slower", ["cpu"], True),
        (WIDE, PERHAPS_TOO_SLOW, "slower", ["cpu"], False),
        (TOO_SLOW, WITHIN, "slower", ["wall"], True),  # it waits: CPU seconds do not see that
        (TOO_SLOW, PERHAPS_TOO_SLOW, "slower", ["wall", "cpu"], True),
        (WITHIN, WITHIN, "no slower", ["wall", "cpu"], True),
        (FASTER, WITHIN, "no slower", ["wall", "cpu"], True),
        (FASTER, FASTER, "faster", ["wall", "cpu"], True),
        (WIDE, WITHIN, "cannot tell", ["wall", "cpu"], False),
        (WIDE, FASTER, "cannot tell", ["wall", "cpu"], False),
        (WITHIN, WIDE, "cannot tell", ["wall", "cpu"], False),
        (FASTER, WIDE, "cannot tell", ["wall", "cpu"], False),
        (FASTER, None, "cannot tell", ["wall"], False),
        (FASTER, TOO_SLOW, "cannot tell", ["wall", "cpu"], False),
        (TOO_SLOW, FASTER, "cannot tell", ["wall", "cpu"], False),
    ],
)
def test_on_a_disturbed_cpu_either_measure_shows_slower_and_only_both_show_no_slower(
    wall: tuple[float, float],
    cpu: tuple[float, float] | None,
    word: Word,
    rests_on: list[Measure],
    is_settled: bool,
) -> None:
    assert _judge(wall, cpu, "cpu") == (word, rests_on, is_settled)


@pytest.mark.parametrize("measure", ["wall", "cpu"])
def test_without_an_interval_nothing_is_told(measure: Measure) -> None:
    assert _judge(None, None, measure) == ("cannot tell", [], False)


def _pairs(disturbed: int, count: int) -> list[Pair]:
    return [
        measured(Turn(number, 1, False), machine="disturbed" if number <= disturbed else "quiet")
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(("disturbed", "measure"), [(0, "wall"), (4, "wall"), (5, "cpu"), (8, "cpu")])
def test_cpu_seconds_answer_first_if_most_pairs_were_disturbed(disturbed: int, measure: Measure) -> None:
    assert measure_of(_pairs(disturbed, 8), "cpu") == measure


def test_gpu_is_measured_by_the_wall_clock() -> None:
    assert measure_of(_pairs(8, 8), "cuda") == "wall"


def test_machine_of_unknown_state_counts_as_not_disturbed() -> None:
    pairs = [measured(Turn(number, 1, False), machine="unknown") for number in range(1, 6)]

    assert measure_of(pairs, "cpu") == "wall"


def test_one_pair_without_comparable_cpu_seconds_leaves_the_wall_clock() -> None:
    pair = pair_of(run_figures(machine="disturbed"), run_figures(1.0, None, machine="disturbed"))

    assert measure_of([*_pairs(5, 5), pair], "cpu") == "wall"
