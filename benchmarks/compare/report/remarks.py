"""What a reader should know of the pairs besides the verdict."""

from __future__ import annotations

import re

from benchmarks.compare.document import Pair, ProcedureParameters, RatioInterval, SideDescription
from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.percentages import percent
from benchmarks.compare.judging.statistics import FIRST_LOOKS
from benchmarks.compare.judging.verdict import is_disturbed, runs
from benchmarks.compare.report.differing import is_one_program
from benchmarks.compare.report.progress import expected_seconds
from benchmarks.compare.report.wording import counted, duration
from benchmarks.harness.controller.option_values import MAX_PAIRS

MAX_REASONS = 3
_FIGURE = re.compile(r"\d[\d.]*")


def remarks(
    case: CaseState,
    base: SideDescription,
    head: SideDescription,
    parameters: ProcedureParameters,
    resumable: bool = True,
) -> list[str]:
    """A line each."""
    return [
        *_ended(case, parameters, resumable),
        *_few(case),
        *_more(case, parameters),
        *_unexplained(case, base, head),
        *_opposed(case.verdict.wall, case.verdict.cpu),
        *_unknown_training(case),
        *_disturbed(case.pairs, case.unit),
        *(_stored(name, side) for name, side in (("base", base), ("head", head)) if side.kind == "stored"),
        *_light(base, head, parameters),
    ]


def _ended(case: CaseState, parameters: ProcedureParameters, resumable: bool) -> list[str]:
    done = counted(case.count, case.unit)
    if case.stopped_by == "budget":
        text = f"ended after {done}: the next one would not have fitted into {parameters.budget_minutes:g} minutes"
        return [text + _budget_of_a_look(case, parameters)]
    if case.stopped_by == "interrupted":
        return [f"interrupted after {done}{': the same command with --resume continues' if resumable else ''}"]
    return []


def _budget_of_a_look(case: CaseState, parameters: ProcedureParameters) -> str:
    """What the pairs so far say of the time that the first look of this case needs."""
    first, each = parameters.looks[0], expected_seconds(case, [case])
    if case.count >= first or each is None:
        return ""
    return f"; {first} of them take about {duration(first * each)} here: give a longer --budget"


def _few(case: CaseState) -> list[str]:
    if not case.decided or case.count >= FIRST_LOOKS[0]:
        return []
    return [f"{counted(case.count, case.unit)} say little of how much they vary: measure {FIRST_LOOKS[0]} or more"]


def _more(case: CaseState, parameters: ProcedureParameters) -> list[str]:
    """What to do if all pairs were measured and do not tell."""
    needed, each = case.verdict.pairs_needed, expected_seconds(case, [case])
    if case.stopped_by != "max_pairs" or case.verdict.word != "cannot tell" or needed is None or each is None:
        return []
    more = "" if needed > MAX_PAIRS else f"--max-pairs {needed} (about {duration(needed * each)}), "
    return [f"{more}a quieter machine, or a larger --max-slowdown than {percent(parameters.allowed_slowdown)} may tell"]


def _unexplained(case: CaseState, base: SideDescription, head: SideDescription) -> list[str]:
    """A gain or a loss between sides that are the same in everything that is known."""
    if case.verdict.word not in ("slower", "faster") or not is_one_program(base, head) or case.differences:
        return []
    return ["nothing that is known of the sides differs: this difference is unexplained; compare them once more"]


def _opposed(wall: RatioInterval | None, cpu: RatioInterval | None) -> list[str]:
    """Intervals of the two measures that have nothing in common."""
    if wall is None or cpu is None or (wall.low <= cpu.high and cpu.low <= wall.high):
        return []
    more, fewer = ("more", "less") if wall.high < cpu.low else ("less", "more")
    return [
        f"per second and per CPU second the head differs by different amounts: it waits {more} than the base "
        f"(loader, threads, locks), or uses {fewer} CPU time for a sample"
    ]


def _unknown_training(case: CaseState) -> list[str]:
    if case.training_is_compared:
        return []
    return ["no loss and no figure of a check is known of both sides: nothing shows that they compute the same"]


def _disturbed(pairs: list[Pair], unit: str) -> list[str]:
    """How often the machine was disturbed, in the pairs that count and in those that do not, and why."""
    of_all = [pair for pair in pairs if is_disturbed(pair)]
    if not of_all:
        return []
    reasons: dict[str, list[str]] = {}  # by what they say without their figures
    for reason in (reason for pair in of_all for run in runs(pair) for reason in run.reasons):
        reasons.setdefault(_FIGURE.sub("", reason), []).append(reason)
    often = sorted(reasons.values(), key=len, reverse=True)[:MAX_REASONS]
    most = ", ".join(f"{same[0]} ({len(same)} times{', or similar' if len(set(same)) > 1 else ''})" for same in often)
    kept, numbers = sum(pair.counted for pair in of_all), sum(pair.counted for pair in pairs)
    repeated = len(pairs) - numbers
    again = f"in {counted(repeated, 'attempt')} that {'was' if repeated == 1 else 'were'} repeated" if repeated else ""
    among = f"in {kept} of {counted(numbers, unit)} that count" if kept else ""
    return [f"the machine was disturbed {' and '.join(filter(None, (again, among)))}{f': {most}' if most else ''}"]


def _stored(name: str, side: SideDescription) -> str:
    """Why it shows less."""
    why = "what has changed on the machine since cannot be distinguished from what the sides do"
    return f"{name} is stored ({counted(side.stored_runs, 'run')}): {why}"


def _light(base: SideDescription, head: SideDescription, parameters: ProcedureParameters) -> list[str]:
    unaware = [name for name, side in (("base", base), ("head", head)) if side.kind != "stored" and not side.light]
    if parameters.full or not unaware:
        return []
    return [f"every pair was measured with the probes: --ocr-light is not known to {' and '.join(unaware)}"]
