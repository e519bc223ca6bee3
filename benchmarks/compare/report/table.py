"""The result as text: one row per case, and below it what each verdict says and rests on."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison, Comparison, ProcedureParameters, SideDescription
from benchmarks.compare.judging.percentages import percent
from benchmarks.compare.judging.verdict import is_disturbed, measure_of
from benchmarks.compare.report.differing import difference_line, differing
from benchmarks.compare.report.wording import (
    MEASURES,
    case_title,
    change,
    counted,
    duration,
    interval,
    listed,
    rate,
    verdict_word,
)
from benchmarks.harness.report.tables import table

HEADINGS = (
    "case",
    "base samples/s",
    "head samples/s",
    "change of samples/s",
    "per CPU second",
    "pairs",
    "verdict",
)
NUMERIC = (1, 2, 5)
MAX_CHANGES = 3
LOUD = "WARNING"
"""Label of a line that a reader must not miss."""

Labelled = tuple[str, str]
"""A line: what it is about, and its text."""


def result_lines(comparison: Comparison) -> list[str]:
    """Everything that a reader needs who sees nothing else."""
    lines = aligned(sides(comparison))
    lines += ["", *table([HEADINGS, *(row(case, comparison) for case in comparison.cases)], NUMERIC)]
    for case in comparison.cases:
        title = f"{case_title(case)}: {verdict_word(case, comparison.procedure)}"
        lines += ["", title, *aligned(findings(case, comparison), "  ")]
    return [*lines, "", *aligned(overview(comparison))]


def aligned(labelled: list[Labelled], indent: str = "") -> list[str]:
    """A line each, the texts below each other."""
    width = max((len(label) for label, _ in labelled), default=0) + 2
    return [f"{indent}{f'{label}:':{width}}{text}" for label, text in labelled]


def row(case: CaseComparison, comparison: Comparison) -> list[str]:
    """The cells of a case under HEADINGS. A failed case has no changes: nothing was judged."""
    attempts, numbers = len(case.pairs), sum(pair.counted for pair in case.pairs)
    repeated = f" ({attempts - numbers} repeated)" if attempts > numbers else ""
    stored = _stored_runs(comparison)
    wall, cpu = (None, None) if case.verdict.word == "failed" else (case.verdict.wall, case.verdict.cpu)
    return [
        case_title(case),
        rate(case.base_samples_per_second),
        rate(case.head_samples_per_second),
        interval(wall),
        interval(cpu),
        f"{f'{stored} + ' if stored else ''}{numbers}{' runs' if stored else ''}{repeated}",
        verdict_word(case, comparison.procedure),
    ]


def sides(comparison: Comparison) -> list[Labelled]:
    """What was compared."""
    base, head = comparison.base, comparison.head
    shared = base.versions if base.versions == head.versions else {}
    return [
        ("base", side_line(base, shared)),
        ("head", side_line(head, shared)),
        *([("both", pairs_of(shared))] if shared else []),
    ]


def overview(comparison: Comparison) -> list[Labelled]:
    """How it was measured and judged, on what, and when."""
    procedure, seconds = comparison.procedure, comparison.measuring_seconds
    return [
        ("question", question_line(procedure)),
        ("options", " ".join(procedure.common_options)),
        ("procedure", procedure_line(comparison)),
        *([("machine", pairs_of(comparison.machine))] if comparison.machine else []),
        ("measured", f"{_when(comparison)} UTC, {duration(seconds)} of runs"),
    ]


def _when(comparison: Comparison) -> str:
    """From the first run to the last; a resumed comparison has a break in between."""
    first, last = comparison.started_at, comparison.updated_at
    return f"{first:%Y-%m-%d %H:%M} to {last:{'%H:%M' if first.date() == last.date() else '%Y-%m-%d %H:%M'}}"


def side_line(side: SideDescription, shared: dict[str, str] | None = None) -> str:
    """A side in one line: what it is, and the versions that it does not share with the other one."""
    own = {name: version for name, version in side.versions.items() if name not in (shared or {})}
    return "; ".join([side.title, *([pairs_of(own)] if own else [])])


def question_line(procedure: ProcedureParameters) -> str:
    """What the verdicts answer."""
    allowed = percent(procedure.allowed_slowdown)
    return f"does the head train slower than the base? up to {allowed} fewer samples per second are allowed"


def procedure_line(comparison: Comparison) -> str:
    """How it is measured and judged."""
    procedure, cases = comparison.procedure, len(comparison.cases)
    budget = "" if procedure.budget_minutes is None else f" or {procedure.budget_minutes:g} minutes"
    each = " of each case" if cases > 1 else ""
    if stored := _stored_runs(comparison):
        new = "head" if comparison.base.stored_runs else "base"
        return (
            f"fresh runs of the {new} alone, at most {procedure.max_pairs}{budget}, compared with "
            f"{counted(stored, 'stored run')}, not measured in turns; judged after {listed(procedure.looks)} runs"
        )
    return (
        f"pairs of fresh runs in random order, at most {procedure.max_pairs} pairs{each}{budget}; "
        f"judged by the whole interval after {listed(procedure.looks)} pairs; "
        f"{'all cases together are' if cases > 1 else 'the verdict is'} wrong with a probability "
        f"of {percent(procedure.alpha)} at most"
    )


def pairs_of(values: dict[str, str]) -> str:
    """A dictionary in one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _stored_runs(comparison: Comparison) -> int:
    """Of the stored side; 0 without one."""
    return comparison.base.stored_runs or comparison.head.stored_runs


def findings(case: CaseComparison, comparison: Comparison) -> list[Labelled]:
    """What the pairs of a case show: the verdict first, what it rests on, what differs, what to know."""
    verdict = case.verdict
    lines: list[Labelled] = [("verdict", verdict.sentence)]
    if verdict.word != "failed":
        if verdict.rests_on:
            measures = listed([MEASURES[each] for each in verdict.rests_on])
            reason = _reason(case, comparison.procedure)
            lines.append(("rests on", f"{measures}, {_amount_of_runs(case, comparison)}{reason}"))
        lines.append(("how sure", _certainty(case, comparison)))
    if case.training_changes:
        lines.append((LOUD, training_warning(case)))
    if case.pairs:
        lines += [("differs", each) for each in differing(case, comparison.base, comparison.head)]
    return lines + [("note", each) for each in case.remarks]


def _reason(case: CaseComparison, procedure: ProcedureParameters) -> str:
    """Why the verdict rests on these measures, where there are two."""
    if case.verdict.cpu is None:
        return ""
    first = [pair for pair in case.pairs if pair.counted][: procedure.looks[0]]
    decide = "count as well" if measure_of(first, "cpu") == "cpu" else "decide nothing"
    disturbed = sum(map(is_disturbed, first))
    return f"; the machine was disturbed in {disturbed} of the first {len(first)}, so CPU seconds {decide}"


def _amount_of_runs(case: CaseComparison, comparison: Comparison) -> str:
    found = case.verdict.wall or case.verdict.cpu
    new, stored = 0 if found is None else found.pairs, _stored_runs(comparison)
    return f"{stored} stored and {counted(new, 'new run')}" if stored else counted(new, "pair")


def _certainty(case: CaseComparison, comparison: Comparison) -> str:
    """The level of the intervals, and the noise that they come from."""
    found_by_name = {"throughput": case.verdict.wall, "CPU seconds": case.verdict.cpu}
    known = {name: found for name, found in found_by_name.items() if found is not None}
    stored = _stored_runs(comparison)
    if not known:
        return f"no interval: it needs two {'runs of a side' if stored else 'pairs'}"
    level = percent(1 - next(iter(known.values())).level)
    noise = listed([f"{100 * found.pair_deviation:.2g} % in {name}" for name, found in known.items()])
    if stored:
        drift = percent(comparison.procedure.stored_drift)
        return (
            f"{level} interval, widened by {drift} at both ends for what the machine has changed since "
            f"(--stored-drift); noise of a new and a stored run: {noise} (standard deviation)"
        )
    looks = len(comparison.procedure.looks)
    together = f" each time it is judged, {percent(1 - case.alpha)} all {looks} times together" if looks > 1 else ""
    return f"{level} interval{together}; noise from pair to pair: {noise} (standard deviation)"


def training_warning(case: CaseComparison) -> str:
    """Faster, or slower, because it computes something else."""
    changes = [difference_line(each) for each in case.training_changes]
    more = f", and {len(changes) - MAX_CHANGES} more in the document" if len(changes) > MAX_CHANGES else ""
    shown = f"{'; '.join(changes[:MAX_CHANGES])}{more}"
    return f"the sides compute different things: {shown}. Faster because it computes something else is no gain"


def pair_cells(case: CaseComparison) -> list[list[str]]:
    """A row per pair, under PAIR_HEADINGS."""
    rows = []
    for pair in case.pairs:
        runs = (pair.base, pair.head)
        rows.append(
            [
                f"{pair.number}" if pair.attempt == 1 else f"{pair.number}, attempt {pair.attempt}",
                "head, base" if pair.head_first else "base, head",
                *(rate(None if run is None else run.samples_per_second) for run in runs),
                "-" if pair.ratio is None else change(pair.ratio),
                "-" if pair.cpu_ratio is None else change(pair.cpu_ratio),
                ", ".join("-" if run is None else run.machine for run in runs),
                "yes" if pair.counted else "no: repeated",
            ]
        )
    return rows


PAIR_HEADINGS = (
    "pair",
    "order",
    "base samples/s",
    "head samples/s",
    "change of samples/s",
    "per CPU second",
    "machine (base, head)",
    "counted",
)
