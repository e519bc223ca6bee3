"""What a person sees while pairs are measured, and how long the rest will take."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.compare.document import Comparison, Pair, ProcedureParameters
from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.verdict import failures, runs
from benchmarks.compare.report.differing import given_differences, is_one_program, version_differences
from benchmarks.compare.report.table import Labelled, aligned, procedure_line, question_line, side_line
from benchmarks.compare.report.wording import both, case_title, change, counted, duration, interval, rate

LEFT_UNKNOWN = "time left not known"
LEAST_PAIRS = 3
"""With two pairs, an interval is 40 times as wide as the difference of the two."""


def seconds_of(pair: Pair) -> float:
    """What the runs of a pair took."""
    return sum(run.command_seconds for run in runs(pair))


def expected_seconds(case: CaseState, cases: Sequence[CaseState]) -> float | None:
    """Of the next pair of a case: the median of its light pairs, else of those after the first one, else of that one.

    Of a case without pairs: the median of the first pairs of the others. None if there is no pair at all.
    """
    if not case.pairs:
        firsts = [seconds_of(other.pairs[0]) for other in cases if other.pairs]
        return statistics.median(firsts) if firsts else None
    light = [pair for pair in case.pairs if all(run.light for run in runs(pair))]
    return statistics.median(seconds_of(pair) for pair in light or case.pairs[1:] or case.pairs)


def least_seconds(case: CaseState, cases: Sequence[CaseState], parameters: ProcedureParameters) -> float:
    """What the next pair of a case needs for certain, as far as is known; 0 if nothing is.

    The only pair so far, a full one, says nothing of a light one, which is often much shorter.
    """
    if len(case.pairs) == 1 and not parameters.full:
        return 0.0
    return expected_seconds(case, cases) or 0.0


def opening_lines(comparison: Comparison, resumed: bool) -> list[str]:
    """What will be compared, before the first pair."""
    base, head = comparison.base, comparison.head
    procedure = comparison.procedure
    lines: list[Labelled] = [
        ("base", side_line(base)),
        ("head", side_line(head)),
        ("cases" if len(comparison.cases) > 1 else "case", ", ".join(map(case_title, comparison.cases))),
        ("both sides", " ".join(procedure.common_options)),
        *(("differs", each) for each in (*given_differences(base, head), *version_differences(base, head))),
        ("question", question_line(procedure)),
        ("procedure", procedure_line(comparison)),
    ]
    if is_one_program(base, head) and all(case.base_case == case.head_case for case in comparison.cases):
        lines.append(("note", "both sides are the same program: this measures the noise"))
    if resumed:
        done = sum(pair.counted for case in comparison.cases for pair in case.pairs)
        lines.append(("resumed", f"after {counted(done, 'pair')}, {duration(comparison.measuring_seconds)} of runs"))
    return aligned(lines)


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until all open cases reach their next look, and the end if no look decides. None if not known."""

    to_look: float | None
    to_end: float | None
    budget_is_short: bool = False
    """Whether --budget ends a case before its first look."""


def time_left(cases: Sequence[CaseState], parameters: ProcedureParameters, spent: float) -> TimeLeft:
    """The end is that of --max-pairs or --budget, whichever comes first. Repeated pairs are not foreseen."""
    to_look = to_end = to_first = 0.0
    for case in cases:
        if case.finished:
            continue
        each, done = expected_seconds(case, cases), case.count
        if each is None:
            return TimeLeft(None, None)
        look = next((number for number in parameters.looks if number > done), done)
        to_look += (look - done) * each
        to_first += max(0, parameters.looks[0] - done) * each
        to_end += (parameters.max_pairs - done) * each
    if parameters.budget_minutes is not None:
        budget = max(0.0, 60 * parameters.budget_minutes - spent)
        return TimeLeft(min(to_look, budget), min(to_end, budget), budget_is_short=budget < to_first)
    return TimeLeft(to_look, to_end)


def pair_line(case: CaseState, pair: Pair, cases: Sequence[CaseState], parameters: ProcedureParameters) -> str:
    """One pair: throughputs, ratio, what the machine did, and what all pairs so far say."""
    title = f"{both(case.base_case, case.head_case)}: " if len(cases) > 1 else ""
    attempt = f" (attempt {pair.attempt})" if pair.attempt > 1 else ""
    turn = case.procedure.next()
    repeated = "repeated next" if turn is not None and turn.attempt > 1 else ""
    so_far = "" if repeated else _so_far(case)  # this attempt will not count
    parts = [_figures(pair), _machine(pair), repeated, so_far, _judged(case, pair, parameters)]
    return f"{title}{case.unit} {pair.number}/{parameters.max_pairs}{attempt}: {'; '.join(filter(None, parts))}"


def _figures(pair: Pair) -> str:
    if failed := failures(pair):
        return "; ".join(f"{name} failed: {failure}" for name, failure in failed)
    rates = [
        f"{name} {rate(run.samples_per_second)}"
        for name, run in (("base", pair.base), ("head", pair.head))
        if run is not None
    ]
    changed = "" if pair.ratio is None else f", {change(pair.ratio)}"
    return f"{', '.join(rates)} samples/s{changed}"


def _machine(pair: Pair) -> str:
    """Empty if it was quiet. The reasons are in the result."""
    states = {run.machine for run in runs(pair)}
    return next((f"machine {state}" for state in ("disturbed", "unknown") if state in states), "")


def _so_far(case: CaseState) -> str:
    """The intervals that would have to tell; of fewer pairs than LEAST_PAIRS they are noise."""
    if case.count < LEAST_PAIRS:
        return ""
    verdict = case.verdict
    found = {"wall": verdict.wall, "cpu": verdict.cpu}
    known = [f"{'CPU ' if name == 'cpu' else ''}{interval(found[name])}" for name in verdict.rests_on]
    return f"so far {', '.join(known)}" if known else ""


def _judged(case: CaseState, pair: Pair, parameters: ProcedureParameters) -> str:
    """What a look has found; empty if none was due."""
    if case.stopped_by in ("settled", "max_pairs"):
        return f"judged: {case.verdict.word}"
    return "judged: not decided yet" if pair.number in parameters.looks and not case.closed else ""


def time_line(cases: Sequence[CaseState], parameters: ProcedureParameters, spent: float) -> str:
    """Time used, and left."""
    open_cases = [case for case in cases if not case.finished]
    if not open_cases:
        return f"{duration(spent)} used"
    left = time_left(cases, parameters, spent)
    if left.to_look is None or left.to_end is None:
        return f"{duration(spent)} used, {LEFT_UNKNOWN}"
    cases_left = "" if len(cases) == 1 else f" ({counted(len(open_cases), 'case')} open)"
    judged, end = duration(left.to_look), duration(left.to_end)
    used = f"{duration(spent)} used{cases_left}"
    if left.budget_is_short:
        return f"{used}, --budget ends it in {end}, before {parameters.looks[0]} pairs"
    return f"{used}, judged in {judged}, up to {end} left"


def verdict_line(case: CaseState) -> str:
    """A case that is finished, while others are measured."""
    return f"{both(case.base_case, case.head_case)}: {case.verdict.word} after {counted(case.count, case.unit)}"
