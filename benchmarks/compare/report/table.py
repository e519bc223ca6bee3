"""The result as text: one row per case, and below it what each verdict says and rests on."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison, Comparison, Difference, ProcedureParameters, SideDescription
from benchmarks.compare.judging.sentences import percent
from benchmarks.compare.report.wording import (
    MEASURES,
    case_title,
    change,
    counted,
    duration,
    interval,
    listed,
    rate,
)
from benchmarks.harness.report.tables import table

HEADINGS = (
    "case",
    "base samples/s",
    "head samples/s",
    "throughput of head",
    "samples per CPU second",
    "pairs",
    "verdict",
)
NUMERIC = (1, 2, 5)
LOUD = "WARNING"
"""Label of a line that a reader must not miss."""

Labelled = tuple[str, str]
"""A line: what it is about, and its text."""


def result_lines(comparison: Comparison) -> list[str]:
    """Everything that a reader needs who sees nothing else."""
    lines = aligned(overview(comparison))
    lines += ["", *table([HEADINGS, *(row(case, comparison.procedure) for case in comparison.cases)], NUMERIC)]
    for case in comparison.cases:
        title = f"{case_title(case)}: {verdict_word(case, comparison.procedure)}"
        lines += ["", title, *aligned(findings(case, comparison), "  ")]
    return lines


def aligned(labelled: list[Labelled], indent: str = "") -> list[str]:
    """A line each, the texts below each other."""
    width = max((len(label) for label, _ in labelled), default=0) + 2
    return [f"{indent}{f'{label}:':{width}}{text}" for label, text in labelled]


def row(case: CaseComparison, procedure: ProcedureParameters) -> list[str]:
    """The cells of a case under HEADINGS."""
    attempts, numbers = len(case.pairs), sum(pair.counted for pair in case.pairs)
    repeated = f" ({attempts - numbers} repeated)" if attempts > numbers else ""
    return [
        case_title(case),
        rate(case.base_samples_per_second),
        rate(case.head_samples_per_second),
        interval(case.verdict.wall),
        interval(case.verdict.cpu),
        f"{numbers}{repeated}",
        verdict_word(case, procedure),
    ]


def verdict_word(case: CaseComparison, procedure: ProcedureParameters) -> str:
    """The verdict, complete with what was asked."""
    word, allowed = case.verdict.word, percent(procedure.allowed_slowdown)
    text: str = word
    if word == "no slower":
        text = f"no slower than {allowed}"
    elif word == "slower" and not _beyond(case, procedure):
        text = f"slower, perhaps within {allowed}"
    return text if case.finished else f"{text}, unfinished"


def _beyond(case: CaseComparison, procedure: ProcedureParameters) -> bool:
    """Whether what the verdict rests on is slower than what is allowed for certain."""
    found = [{"wall": case.verdict.wall, "cpu": case.verdict.cpu}[name] for name in case.verdict.rests_on]
    return any(each is not None and each.high < 1 - procedure.allowed_slowdown for each in found)


def overview(comparison: Comparison) -> list[Labelled]:
    """What was compared, and how."""
    procedure = comparison.procedure
    return [
        ("base", side_line(comparison.base)),
        ("head", side_line(comparison.head)),
        ("question", question_line(procedure)),
        ("procedure", procedure_line(comparison)),
        *([("machine", pairs_of(comparison.machine))] if comparison.machine else []),
        ("measured", f"{comparison.started_at:%Y-%m-%d %H:%M} UTC, {duration(comparison.measuring_seconds)} of runs"),
    ]


def side_line(side: SideDescription) -> str:
    """A side in one line: what it is, and its versions as far as they are known."""
    parts = [side.title, *([pairs_of(side.versions)] if side.versions else [])]
    if side.stored_runs:
        parts.append(counted(side.stored_runs, "stored run"))
    return "; ".join(parts)


def question_line(procedure: ProcedureParameters) -> str:
    """What the verdicts answer."""
    return f"is the head slower than the base? up to {percent(procedure.allowed_slowdown)} is allowed"


def procedure_line(comparison: Comparison) -> str:
    """How it is measured and judged."""
    procedure, cases = comparison.procedure, len(comparison.cases)
    budget = "" if procedure.budget_minutes is None else f" or {procedure.budget_minutes:g} minutes"
    each = " of each case" if cases > 1 else ""
    looks = "look" if len(procedure.looks) == 1 else "looks"
    if stored := _stored_runs(comparison):
        new = "head" if comparison.base.stored_runs else "base"
        return (
            f"fresh runs of the {new} alone, at most {procedure.max_pairs}{budget}, compared with "
            f"{counted(stored, 'stored run')}, not measured in turns; {looks} after {listed(procedure.looks)} runs"
        )
    return (
        f"pairs of fresh runs in random order (seed {procedure.seed}), "
        f"at most {procedure.max_pairs} pairs{each}{budget}; {looks} after {listed(procedure.looks)}; "
        f"error probability {percent(procedure.alpha)} for all looks{' and cases' if cases > 1 else ''} together"
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
    if verdict.rests_on:
        measures = listed([MEASURES[each] for each in verdict.rests_on])
        lines.append(("rests on", f"{measures}, {_amount_of_runs(case, comparison)}"))
    lines.append(("how sure", _certainty(case, comparison)))
    if case.training_changes:
        lines.append((LOUD, training_warning(case)))
    lines += [("differs", difference_line(each)) for each in case.differences]
    return lines + [("note", each) for each in case.remarks]


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
        promise = f"if the machine has changed by no more than {drift} since (--stored-drift), which widens it"
        return f"{level} interval, {promise}; a new and a stored run differ by {noise} (standard deviation)"
    return (
        f"{level} interval; all looks together err with {percent(case.alpha)}; "
        f"a pair varies by {noise} (standard deviation)"
    )


def training_warning(case: CaseComparison) -> str:
    """Faster, or slower, because it computes something else."""
    changes = "; ".join(difference_line(each) for each in case.training_changes)
    return f"the sides compute different things: {changes}. Faster because it computes something else is no gain"


def difference_line(difference: Difference) -> str:
    """Base -> head."""
    return f"{difference.field}: {difference.base} -> {difference.head}"


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
    "throughput",
    "per CPU second",
    "machine (base, head)",
    "counted",
)
