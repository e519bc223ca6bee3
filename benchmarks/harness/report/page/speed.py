"""What the page shows of a speed case."""

from __future__ import annotations

from benchmarks.harness.report.page import step_charts
from benchmarks.harness.report.page.case_sections import machine_section
from benchmarks.harness.report.page.charts import Bar, Part, bars, stacked
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import (
    MISSING,
    amount,
    bandwidth,
    flops,
    mebibytes,
    milliseconds,
    percent,
    share,
    shown,
)
from benchmarks.harness.report.page.sections import CasePage, Cell, Chart, KeyFigure, Note, Section, Table
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.roofline import bound_in_words
from benchmarks.harness.results.speed_artifact import SpeedDetails, TimedDetails, TimedRank

SHOWN_PARTS = 5
"""Of the seconds outside the steps: the largest. The others are shown as one."""

WAITING = 0.1
"""Part of the time spent waiting for batches that is worth a colour: the loader then bounds the case."""


def speed_page(case: ShownCase) -> CasePage:
    """The row and the sections of a speed case."""
    details = details_of(case.artifact)
    if not isinstance(details, TimedDetails):
        return CasePage(_cells(case, None), [])
    sections = [_result(case, details)]
    if isinstance(details, SpeedDetails):
        sections.append(_limits(case, details))
    sections.append(Section("Steps", charts=step_charts.of_case(case)))
    sections.append(machine_section(details.machine, case.artifact.gpu_num))
    if len(details.ranks) > 1:
        sections.append(_ranks(details))
    if isinstance(details, SpeedDetails):
        sections.append(_reference(case, details))
    sections.append(_seconds(details))
    return CasePage(_cells(case, details), sections)


def _cells(case: ShownCase, details: TimedDetails[TimedRank] | None) -> dict[str, Cell]:
    if details is None:
        result = amount(case.artifact.FINAL_RESULT) if case.failure is None else MISSING
        names = ("of the limit", "bound by", "step p50 (ms)", "p95 (ms)", "data wait", "memory (MiB)")
        return {"samples/s": result, **dict.fromkeys(names, MISSING)}
    found = details.roofline if isinstance(details, SpeedDetails) else None
    waiting = details.data_wait_fraction
    return {
        "samples/s": amount(case.artifact.FINAL_RESULT) if case.failure is None else MISSING,
        "of the limit": MISSING if found is None else share(found.fraction, "warning" if case.is_disturbed else ""),
        "bound by": MISSING if found is None else Cell(bound_in_words(found)),
        "step p50 (ms)": amount(1000 * details.step_seconds.p50),
        "p95 (ms)": amount(1000 * details.step_seconds.p95),
        "data wait": share(waiting, "warning" if waiting >= WAITING else ""),
        "memory (MiB)": amount(details.peak_memory_bytes / 2**20),
    }


def _result(case: ShownCase, details: TimedDetails[TimedRank]) -> Section:
    steps, of = details.step_seconds, {"device": "of the GPU", "process": "of the process"}
    figures = [
        KeyFigure("Throughput", shown(case.artifact.FINAL_RESULT, "samples/s"), f"{details.samples} samples measured"),
        KeyFigure("Step, median", milliseconds(steps.p50), f"p95 {milliseconds(steps.p95)}"),
        KeyFigure("Data wait", percent(details.data_wait_fraction), "of the measured time"),
        KeyFigure("Peak memory", mebibytes(details.peak_memory_bytes), of[details.peak_memory_of]),
        KeyFigure("Arithmetic", flops(details.achieved_tflops), _of_peak(details)),
    ]
    if details.scaling is not None:
        scaling = details.scaling
        figures.append(KeyFigure("Scaling efficiency", percent(scaling.efficiency), f"baseline {scaling.baseline}"))
    if details.power_watts is not None and details.joules_per_sample is not None:
        energy = shown(details.joules_per_sample, "J/sample")
        figures.append(KeyFigure("Power of all GPUs", shown(details.power_watts, "W"), energy))
    return Section("Result", figures=figures)


def _of_peak(details: TimedDetails[TimedRank]) -> str:
    return "peak of the device not known" if details.mfu is None else f"{percent(details.mfu)} of the peak (MFU)"


def _limits(case: ShownCase, details: SpeedDetails) -> Section:
    """What bounds the case: rates that it would have without this or that, and where a step's time is needed."""
    result = details.samples / details.measured_seconds
    rates = [("measured", result), ("loader only", details.loader_only_samples_per_second)]
    rates.append(("step only, data on the device", details.step_only_samples_per_second))
    if details.roofline is not None:
        rates.append(("limit of the roofline", result / details.roofline.fraction))
    rates.append(("limit of a large matrix product", result / details.matmul_fraction))
    values = [Bar(name, rate, shown(rate), emphasised=name == "measured") for name, rate in rates]
    charts = [
        bars(
            "Rates that limit the case",
            f"The measured rate, {shown(result)} samples/s, and those of its parts alone and of the machine's limits.",
            values,
            "samples/s",
        )
    ]
    notes = []
    if details.roofline is not None:
        charts.append(_needed(details))
        bound, part = bound_in_words(details.roofline), percent(details.roofline.fraction)
        notes.append(Note(f"Bound by {bound}: the step reaches {part} of the roofline."))
    if case.is_disturbed:
        notes.append(Note("What disturbed the steps may have slowed down these limits, too.", "warning"))
    return Section("What bounds it", figures=_rates(details), notes=notes, charts=charts)


def _rates(details: SpeedDetails) -> list[KeyFigure]:
    """What the machine reached in the same run."""
    return [
        KeyFigure("Large matrix product", flops(details.matmul_tflops), "measured, in the precision of the case"),
        KeyFigure("Memory copy", bandwidth(details.copy_terabytes_per_second), "measured, read and written"),
    ]


def _needed(details: SpeedDetails) -> Chart:
    found = details.roofline
    assert found is not None
    fractions = {
        "arithmetic": found.arithmetic_fraction,
        "memory": found.memory_fraction,
        "waiting for data": details.data_wait_fraction,
    }
    exchange = details.exposed_communication_fraction
    rest = 1 - sum(fractions.values()) - (exchange or 0.0)
    fractions["other: kernels below the limits, gaps"] = max(0.0, rest)
    if exchange is not None:
        fractions["exchange of gradients"] = exchange  # the last: a part has the same colour in all cases
    parts = [Part(name, value, percent(value)) for name, value in fractions.items()]
    return stacked(
        "Parts of a step's time",
        f"What the operations of a step need at the limits of the machine: {percent(found.fraction)} of its time.",
        [("", parts)],
        "of a step",
    )


def _ranks(details: TimedDetails[TimedRank]) -> Section:
    headings = ("rank", "samples/s", "measured (s)", "data wait (s)", "CPU time (s)", "peak memory (MiB)")
    rows = [
        [
            amount(rank.rank, str(rank.rank)),
            amount(rank.samples / rank.measured_seconds),
            amount(rank.measured_seconds),
            amount(rank.data_wait_seconds),
            amount(rank.cpu_seconds),
            amount(rank.peak_memory_bytes / 2**20),
        ]
        for rank in details.ranks
    ]
    figures = [KeyFigure("Spread of the ranks", percent(details.rank_spread), "1 - fastest / slowest")]
    if isinstance(details, SpeedDetails) and details.exposed_communication_fraction is not None:
        exposed = percent(details.exposed_communication_fraction)
        figures.append(KeyFigure("Exchange of gradients", exposed, "of a step: how much longer it is with it"))
    return Section("Ranks", figures=figures, tables=[Table("Each rank", headings, rows, sortable=True)])


def _reference(case: ShownCase, details: SpeedDetails) -> Section:
    heading, found = "Reference check", details.reference_check
    if found is None:
        return Section(
            heading, notes=[Note("The model has no reference figures: nothing shows that the step is right.")]
        )
    if case.is_one_of_many and case.failure is None:
        return Section(heading, notes=[Note(f"{len(found.figures)} figures of a step agree with their references.")])
    rows: list[list[Cell | str]] = []
    for name, value in found.figures.items():
        deviation = found.deviation.get(name)
        tolerance = found.tolerance.get(name, found.tolerance.get("loss") if name.startswith("loss") else None)
        wrong = deviation is not None and tolerance is not None and deviation > tolerance
        rows.append(
            [
                name,
                amount(value),
                amount(found.reference.get(name)),
                amount(deviation, None if deviation is None else f"{deviation:.2g}", "bad" if wrong else ""),
                amount(tolerance, None if tolerance is None else f"{tolerance:.2g}"),
            ]
        )
    headings = ("figure", "this step", "reference, float64", "relative deviation", "allowed")
    return Section(heading, tables=[Table("One step on fixed weights and images", headings, rows)])


def _seconds(details: TimedDetails[TimedRank]) -> Section:
    """Where the time from launch to end went."""
    largest = sorted(details.overhead.items(), key=lambda part: -part[1])[:SHOWN_PARTS]
    parts = {"warm-up": details.warmup_seconds, "measured steps": details.measured_seconds, **dict(largest)}
    parts["smaller parts"] = details.overhead_seconds - sum(seconds for _, seconds in largest)
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    values = [Part(name, seconds, shown(seconds, "s")) for name, seconds in ordered]
    text = f"Where {shown(details.total_seconds, 's')} went, in the order of size."
    chart = stacked("Seconds from launch to end", text, [("", values)], "s")
    return Section("Time", charts=[chart])
