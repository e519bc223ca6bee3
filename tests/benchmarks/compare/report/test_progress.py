"""Estimates of the time that is left."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.procedure import Procedure
from benchmarks.compare.report.progress import (
    LEFT_UNKNOWN,
    expected_seconds,
    least_seconds,
    pair_line,
    time_left,
    time_line,
)
from compared import CASE, pair, run
from compared_pairs import procedure_parameters

PARAMETERS = procedure_parameters()


def state(*seconds: float, **changed: Any) -> CaseState:
    """A case with a pair of each of these times."""
    procedure = Procedure(PARAMETERS, device="cpu", alpha=0.05)
    for number, each in enumerate(seconds, start=1):
        procedure.add(
            pair(number, head=run(10.0, command_seconds=each / 2), base=run(10.0, command_seconds=each / 2), **changed)
        )
    return CaseState(CASE, CASE, procedure)


def test_the_next_pair_takes_as_long_as_those_after_the_first() -> None:
    case = state(60, 20, 22, 400)
    assert expected_seconds(case, [case]) == 22
    first = state(60)
    assert expected_seconds(first, [first]) == 60


def test_light_pairs_say_how_long_the_next_one_takes() -> None:
    case = state(60, 64)
    light = run(10.0, command_seconds=10, light=True)
    case.procedure.add(pair(3, base=light, head=light))
    assert expected_seconds(case, [case]) == 20


def test_after_one_full_pair_the_next_is_begun_if_any_time_is_left() -> None:
    """It may be a light one, which is shorter by an unknown amount."""
    case = state(60)
    assert least_seconds(case, [case], PARAMETERS) == 0
    assert least_seconds(case, [case], structs.replace(PARAMETERS, full=True)) == 60
    case = state(60, 20)
    assert least_seconds(case, [case], PARAMETERS) == 20
    assert least_seconds(state(), [case], PARAMETERS) == 60


def test_a_case_without_pairs_takes_as_long_as_the_first_pair_of_another() -> None:
    case, other = state(), state(60, 20)
    assert expected_seconds(case, [case, other]) == 60
    assert expected_seconds(case, [case]) is None


def test_the_time_left_is_that_of_all_open_cases() -> None:
    cases = [state(60, 20, 20), state(90, 30)]
    left = time_left(cases, PARAMETERS, spent=220)
    assert left.to_look == 2 * 20 + 3 * 30
    assert left.to_end == 9 * 20 + 10 * 30


def test_a_finished_case_needs_no_more_time() -> None:
    done, case = state(60, 20, 20, 20, 20), state(60, 20, 20)
    for number in range(6, 6 + PARAMETERS.max_pairs - 5):
        done.procedure.add(pair(number))
    done.procedure.look(0.05)
    assert done.finished
    left = time_left([done, case], PARAMETERS, spent=0)
    assert (left.to_look, left.to_end) == (2 * 20, 9 * 20)
    stopped = state()  # and without any pair
    stopped.procedure.stop("budget")
    assert time_left([stopped, case], PARAMETERS, spent=0) == left


def test_a_budget_ends_earlier() -> None:
    case = state(60, 20, 20)
    parameters = structs.replace(PARAMETERS, budget_minutes=2.0)
    left = time_left([case], parameters, spent=100)
    assert (left.to_look, left.to_end) == (20, 20)


def test_before_the_first_pair_nothing_is_known() -> None:
    cases = [state()]
    assert time_line(cases, PARAMETERS, 0).endswith(LEFT_UNKNOWN)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ((run(10.0), run(9.0)), ": base 10.000, head 9.000 samples/s, -10.0 %"),
        ((run(10.0), None), ": base 10.000 samples/s"),
        ((run(10.0), run(None)), ": head failed: killed"),
        ((run(10.0, machine="unknown"), run(10.0)), "%; machine unknown"),
        ((run(10.0, machine="disturbed", reasons=["x", "y"]), run(10.0)), "%; machine disturbed"),
    ],
)
def test_a_line_has_the_figures_of_its_pair(runs: tuple[Any, Any], text: str) -> None:
    case = state()
    line = pair_line(case, pair(base=runs[0], head=runs[1]), [case], PARAMETERS)
    assert line.startswith("pair 1/12: ")
    assert line.endswith(text)


def test_the_intervals_that_decide_are_shown_from_three_pairs_on() -> None:
    case = state(20, 20)
    assert "so far" not in pair_line(case, case.pairs[-1], [case], PARAMETERS)
    case = state(20, 20, 20)
    assert pair_line(case, case.pairs[-1], [case], PARAMETERS).endswith("; so far 0.00 % (0.00 to 0.00)")


def test_a_budget_that_ends_a_case_before_it_is_judged_is_announced() -> None:
    case = state(60, 60)
    parameters = structs.replace(PARAMETERS, budget_minutes=4.0)
    assert time_line([case], parameters, 120).endswith("used, --budget ends it in 2 min, before 5 pairs")
    assert "judged in 3 min" in time_line([case], structs.replace(PARAMETERS, budget_minutes=6.0), 120)


@pytest.mark.parametrize(("repeats", "text"), [(6, "; repeated next"), (0, "; so far -6 % (")])
def test_a_line_of_a_disturbed_pair_is_short(repeats: int, text: str) -> None:
    case = CaseState(CASE, CASE, Procedure(procedure_parameters(max_repeats=repeats), device="cpu", alpha=0.05))
    for number in range(1, 5):
        disturbed = run(10.0, machine="disturbed", reasons=["other programs used 1.50 of 2 cores"] * 3)
        case.procedure.add(pair(number, base=disturbed, head=run(7.0 + number)))
    line = pair_line(case, case.pairs[-1], [case], PARAMETERS)
    assert f"; machine disturbed{text}" in line
    assert ("), CPU -6 % (" in line) is (repeats == 0)  # an attempt that does not count shows no interval
    assert len(f"{line}; {time_line([case], PARAMETERS, 200)}") < 190
