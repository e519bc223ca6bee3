"""The steps of a case over time, as its step records have them: per rank, with the wait for data within each step."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.report.page import charts
from benchmarks.harness.report.page.charts import thinned
from benchmarks.harness.report.page.drawing import Line
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import amount, milliseconds
from benchmarks.harness.report.page.sections import Chart, Table
from benchmarks.harness.results.statistics import step_distribution

MAX_RANKS = 6
"""Lines in the chart. The table has all ranks."""

WARM_UP = "warm-up, not counted"


def of_case(case: ShownCase) -> list[Chart]:
    """Steps over time, distribution and losses; none without step records."""
    ranks = {rank: records for rank, records in case.steps.items() if records}
    measured = {rank: [each for each in records if not each.warmup] for rank, records in ranks.items()}
    slowest = max(measured, key=lambda rank: sum(each.step_seconds for each in measured[rank]), default=None)
    if slowest is None:
        return []
    found = [_over_time(ranks, slowest, case.points)]
    if len(measured[slowest]) > 1 and not case.is_one_of_many:
        found.append(_distribution(measured[slowest], slowest))
    if (losses := _losses(case, ranks[min(ranks)], min(ranks))) is not None:
        found.append(losses)
    return found


def _over_time(ranks: dict[int, list[StepRecord]], slowest: int, points: int) -> Chart:
    chosen = sorted([slowest, *[rank for rank in ranks if rank != slowest][: MAX_RANKS - 1]])
    most = max(12, points // (len(chosen) + 1))
    series = [
        Line(
            f"rank {rank}" if len(ranks) > 1 else "step",
            thinned([(each.index, 1000 * each.step_seconds) for each in ranks[rank]], most),
        )
        for rank in chosen
    ]
    waiting = thinned([(each.index, 1000 * each.data_wait_seconds) for each in ranks[slowest]], most)
    of_rank = f", rank {slowest}" if len(ranks) > 1 else ""
    series.append(Line(f"of it waiting for data{of_rank}", waiting, filled=True))
    warm = [each.index for each in ranks[slowest] if each.warmup]
    shown = f" of {len(ranks)} ranks, {len(chosen)} are shown" if len(ranks) > len(chosen) else ""
    median = statistics.median(each.step_seconds for each in ranks[slowest])
    return charts.lines(
        "Steps over time",
        f"Milliseconds of each step{shown}; median {milliseconds(median)}, warm-up included.",
        series,
        x_label="step",
        y_label="ms",
        table=_table(ranks),
        shaded=(warm[0], warm[-1] + 0.5, WARM_UP) if warm else None,
    )


def _table(ranks: dict[int, list[StepRecord]]) -> Table:
    headings = ("rank", "measured steps", "mean (ms)", "median (ms)", "longest (ms)", "which", "data wait, mean (ms)")
    rows = []
    for rank, records in ranks.items():
        measured = [each for each in records if not each.warmup] or records
        seconds = [each.step_seconds for each in measured]
        longest = max(measured, key=lambda each: each.step_seconds)
        waiting = statistics.fmean(each.data_wait_seconds for each in measured)
        rows.append(
            [
                amount(rank, str(rank)),
                amount(len(measured), str(len(measured))),
                amount(1000 * statistics.fmean(seconds)),
                amount(1000 * statistics.median(seconds)),
                amount(1000 * longest.step_seconds),
                amount(longest.index, str(longest.index)),
                amount(1000 * waiting),
            ]
        )
    return Table("Steps of each rank", headings, rows)


def _distribution(measured: Sequence[StepRecord], rank: int) -> Chart:
    seconds = [each.step_seconds for each in measured]
    found = step_distribution(seconds)
    p50, p95 = found.p50, found.p95
    marks = [(1000 * p50, "p50"), (1000 * p95, "p95")]
    return charts.distribution(
        "Distribution of the step time",
        f"{len(seconds)} measured steps of rank {rank}: median {milliseconds(p50)}, 95th percentile "
        f"{milliseconds(p95)}.",
        [1000 * each for each in seconds],
        marks,
        "ms",
    )


def _losses(case: ShownCase, records: Sequence[StepRecord], rank: int) -> Chart | None:
    names = list(dict.fromkeys(name for each in records for name in each.losses))
    names = [name for name in names if name.startswith("loss")][: 1 if case.is_one_of_many else charts.SERIES]
    if not names:
        return None
    most = max(12, case.points // len(names))
    series = [Line(name, thinned([(each.index, each.losses.get(name)) for each in records], most)) for name in names]
    first, last = records[0].losses.get(names[0]), records[-1].losses.get(names[0])
    ends = "" if first is None or last is None else f" {names[0]} from {first:.4g} to {last:.4g}."
    table = Table(
        "First and last step",
        ("loss", "first", "last"),
        [[name, amount(records[0].losses.get(name)), amount(records[-1].losses.get(name))] for name in names],
    )
    return charts.lines(
        "Losses", f"Losses of each step, rank {rank}.{ends}", series, x_label="step", y_label="loss", table=table
    )
