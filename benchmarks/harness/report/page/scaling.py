"""The section on scaling: how the throughput grows with the number of processes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.harness.report.page import charts
from benchmarks.harness.report.page.drawing import Line
from benchmarks.harness.report.page.folder import Folder, ShownCase
from benchmarks.harness.report.page.quantities import amount, share, shown
from benchmarks.harness.report.page.sections import Cell, Note, Section, Table
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.speed_artifact import TimedDetails

SAME = 2e-3
"""Rates that differ by less are the same but for their digits."""


def scaling_section(folder: Folder) -> Section:
    """Efficiency over the number of processes; empty without a case that has a baseline."""
    found: dict[str, list[tuple[int, ShownCase, float]]] = defaultdict(list)
    for case in folder.of("speed"):
        details = details_of(case.artifact)
        if isinstance(details, TimedDetails) and details.scaling is not None and case.failure is None:
            found[details.scaling.baseline].append((details.processes, case, details.scaling.efficiency))
    if not found:
        return Section("Scaling")
    series = [
        Line(
            baseline,
            [(1.0, 1.0), *((float(count), efficiency) for count, _, efficiency in sorted(rows, key=_count))],
            dots=True,
        )
        for baseline, rows in list(found.items())[: charts.SERIES]
    ]
    rows = [
        [
            Cell(case.name, link=case.anchor),
            Cell(baseline),
            amount(count, str(count)),
            amount(case.artifact.FINAL_RESULT),
            amount(case.artifact.FINAL_RESULT / efficiency / max(1, case.artifact.gpu_num)),
            share(efficiency),
        ]
        for baseline, cases in found.items()
        for count, case, efficiency in sorted(cases, key=_count)
    ]
    table = Table(
        "Cases with several processes, compared with the last run before them of one process. "
        "100 % means on GPUs: N times its throughput; on the CPU, where the cores are shared: the same throughput",
        ("case", "baseline", "processes", "samples/s", "baseline samples/s", "efficiency"),
        rows,
        sortable=True,
    )
    chart = charts.lines(
        "Scaling efficiency",
        "Throughput / ideal throughput over the number of processes; 1 is ideal.",
        series,
        x_label="processes",
        y_label="efficiency",
        level=(1.0, "ideal"),
    )
    notes = list(_measured_again(folder, found))
    notes += (
        [] if len(found) <= charts.SERIES else [Note(f"The chart shows {charts.SERIES} of {len(found)} baselines.")]
    )
    return Section("Scaling", notes=notes, charts=[chart], tables=[table])


def _measured_again(folder: Folder, found: Mapping[str, Sequence[tuple[int, ShownCase, float]]]) -> Iterator[Note]:
    """Baselines whose artifact is not the one that the efficiency was computed with."""
    rates = {case.name: case.artifact.FINAL_RESULT for case in folder.of("speed")}
    for baseline, rows in found.items():
        _, case, efficiency = rows[-1]
        used = case.artifact.FINAL_RESULT / efficiency / max(1, case.artifact.gpu_num)
        now = rates.get(baseline)
        if now is not None and not math.isclose(now, used, rel_tol=SAME):
            text = (
                f"{baseline} was measured again later, with {shown(now, 'samples/s')}. Efficiencies are those of then."
            )
            yield Note(text, "warning")


def _count(row: tuple[int, ShownCase, float]) -> int:
    return row[0]
