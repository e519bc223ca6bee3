"""The first screen: how many cases of what, where, when, how they ended, and which are worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.harness.report.page.case_sections import revision
from benchmarks.harness.report.page.folder import Folder, ShownCase
from benchmarks.harness.report.page.quantities import percent, shown
from benchmarks.harness.report.page.sections import Cell, KeyFigure, Section, Tone
from benchmarks.harness.results.artifact import MeasuredDetails
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact
from benchmarks.harness.results.roofline import bound_in_words
from benchmarks.harness.results.speed_artifact import LightDetails, SpeedDetails, TimedDetails

MAX_NAMES = 12
"""Of models, revisions and the like, in one fact."""

SHOWN = 3
"""Cases of a kind that are remarked on."""


@dataclass(frozen=True)
class Glance:
    """The first screen.

    Attributes:
        verdict: in a few words, with its tone.
        figures: numbers of cases.
        facts: label and text: what ran, on what, when.
        remarks: cases worth a look, and why; and what the sections of all cases show.
    """

    verdict: str
    tone: Tone
    figures: Sequence[KeyFigure]
    facts: Sequence[tuple[str, str]]
    remarks: Sequence[tuple[Cell, str]]


def glance(folder: Folder, sections: Sequence[Section]) -> Glance:
    """What a reader sees first. `sections` are those of all cases together."""
    cases = folder.cases
    remarks = [*_remarks(folder.of("speed")), *_scores(folder.of("convergence")), *_summaries(sections)]
    if not cases and sections:
        headings = " and ".join(section.heading.lower() for section in sections)
        return Glance(f"No artifacts of cases, only {headings}", "", [], [], remarks)
    good = [case for case in cases if case.failure is None]
    failed, disturbed = len(cases) - len(good), sum(case.is_disturbed for case in good)
    # A case may be measured in several ways. Then "25 cases" would be wrong.
    noun = "case" if len({case.name for case in cases}) == len(cases) else "measurement"
    verdict, tone = _verdict(len(cases), failed, disturbed, noun)
    figures = [
        KeyFigure("Passed", str(len(good)), f"of {_count(len(cases), noun)}"),
        KeyFigure("Failed", str(failed), tone="bad" if failed else ""),
    ]
    if observed := sum(case.machine is not None for case in good):
        remark = "passed on a busy machine" if observed == len(good) else f"of {observed} whose machine was observed"
        figures.append(KeyFigure("Disturbed", str(disturbed), remark, "warning" if disturbed else ""))
    return Glance(verdict, tone, figures, _facts(cases), remarks)


def status(case: ShownCase) -> tuple[str, Tone]:
    """How a case ended, in a word or two."""
    if case.failure is not None:
        return f"failed: {case.failure.kind}", "bad"
    if case.artifact.JOB_FAIL_FLAG:
        return "failed", "bad"
    if case.is_disturbed:
        return "passed, disturbed", "warning"
    return ("passed, light run" if isinstance(details_of(case.artifact), LightDetails) else "passed"), "good"


def _verdict(cases: int, failed: int, disturbed: int, noun: str) -> tuple[str, Tone]:
    if not cases:
        return "Nothing was measured", "bad"
    if failed:
        return f"{failed} of {_count(cases, noun)} failed", "bad"
    if disturbed:
        return f"All passed; the machine disturbed {disturbed} of {_count(cases, noun)}", "warning"
    return (f"1 {noun} passed" if cases == 1 else f"All {cases} {noun}s passed"), "good"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _facts(cases: Sequence[ShownCase]) -> list[tuple[str, str]]:
    measured = [details for case in cases if isinstance(details := details_of(case.artifact), MeasuredDetails)]
    facts = [
        ("Models", _names(case.model for case in cases)),
        ("Cases", str(len({case.name for case in cases}) or "")),
        ("Measurements", _names(case.measurement.name for case in cases)),
        ("Devices", _names(_device(found, case) for case in cases if (found := _measured(case)) is not None)),
        ("torch", _names(details.environment.torch for details in measured)),
        ("Revision", _names(revision(details.environment) for details in measured)),
        ("Suite", _names(details_of(case.artifact).suite_version for case in cases)),
    ]
    if cases:
        started = [case.started_at for case in cases]
        ended = [details_of(case.artifact).finished_at or case.started_at for case in cases]
        first, last = min(started), max(ended)
        until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
        facts.append(("Measured", f"{first:%Y-%m-%d %H:%M} to {until} UTC"))
    return [(label, text) for label, text in facts if text]


def _measured(case: ShownCase) -> MeasuredDetails | None:
    details = details_of(case.artifact)
    return details if isinstance(details, MeasuredDetails) else None


def _device(details: MeasuredDetails, case: ShownCase) -> str:
    return details.device if case.artifact.gpu_num else f"{details.device} (CPU, {details.environment.cores} cores)"


def _names(values: Iterable[str]) -> str:
    found = list(dict.fromkeys(value for value in values if value))
    more = f" and {len(found) - MAX_NAMES} more" if len(found) > MAX_NAMES else ""
    return ", ".join(found[:MAX_NAMES]) + more


def _remarks(cases: Sequence[ShownCase]) -> list[tuple[Cell, str]]:
    """The slowest case of the speed table and why, the one furthest from its limit, and what was not in order."""
    good = [case for case in cases if case.failure is None]
    if not good:
        return []
    slowest = min(good, key=lambda case: case.artifact.FINAL_RESULT)
    found = [_about(slowest, f"is the slowest: {_why(slowest)}.")] if len(good) > 1 else []
    disturbed = [(case, case.machine.reasons) for case in good if case.is_disturbed and case.machine is not None]
    # What disturbed a case keeps it from its limit. The next one is of more interest.
    limits = [(limit, case) for case in good if (limit := _limit(case)) is not None and not case.is_disturbed]
    if len(limits) > 1:
        limit, case = min(limits, key=lambda each: each[0])
        if case is not slowest:
            which = ", of the cases that were not disturbed" if disturbed else ""
            found.append(_about(case, f"is furthest from its limit: {percent(limit)} of it{which}."))
    found += [_about(case, f"was disturbed: {'; '.join(why)}. Repeat it.") for case, why in disturbed[:SHOWN]]
    waiting = [case for case in good if case is not slowest and _waits(case)]
    return found + [_about(case, f"waits for data: {_why(case)}.") for case in waiting[:SHOWN]]


def _scores(cases: Sequence[ShownCase]) -> Iterator[tuple[Cell, str]]:
    for case in [each for each in cases if each.failure is None][:SHOWN]:
        artifact = case.artifact
        if isinstance(artifact, ConvergenceArtifact) and artifact.convergence_value is not None:
            target = artifact.details.target
            text = f"learned: {artifact.convergence_key} {artifact.convergence_value:.3f}, target {target:.3f}."
            yield _about(case, text)


def _about(case: ShownCase, text: str) -> tuple[Cell, str]:
    return Cell(case.name, link=case.anchor), text


def _summaries(sections: Sequence[Section]) -> list[tuple[Cell, str]]:
    numbered = enumerate(sections, 1)
    return [(Cell(f"{each.heading}:", link=f"section-{n}"), each.summary) for n, each in numbered if each.summary]


def _limit(case: ShownCase) -> float | None:
    details = details_of(case.artifact)
    return details.roofline.fraction if isinstance(details, SpeedDetails) and details.roofline is not None else None


def _waits(case: ShownCase) -> bool:
    details = details_of(case.artifact)
    return isinstance(details, TimedDetails) and details.data_wait_fraction >= 0.1


def _why(case: ShownCase) -> str:
    details, parts = details_of(case.artifact), [shown(case.artifact.FINAL_RESULT, "samples/s")]
    if isinstance(details, SpeedDetails) and details.roofline is not None:
        found = details.roofline
        parts.append(f"bound by {bound_in_words(found)}, at {percent(found.fraction)} of the roofline")
    if isinstance(details, TimedDetails) and details.data_wait_fraction >= 0.01:
        parts.append(f"{percent(details.data_wait_fraction)} of the time waiting for data")
    return ", ".join(parts) + _where(case)


def _where(case: ShownCase) -> str:
    return ", on a disturbed machine" if case.is_disturbed else ""
