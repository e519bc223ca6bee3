"""What the page shows of a profile: kinds of work, the longest kernels and operators, gaps."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.protocol.profile_report import Gaps, KernelTime, OperatorTime
from benchmarks.harness.report.page.charts import Bar, bars
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import MISSING, amount, count, milliseconds, percent, prefixed, share
from benchmarks.harness.report.page.sections import CasePage, Cell, KeyFigure, Note, Section, Table
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.profile_artifact import ProfileDetails

HEADINGS = ("busy", "step (ms)", "largest kind", "of the busy time", "launches per step", "host waits", "data wait")
WITHOUT, WITH = "without the profiler", "with the profiler"
ROWS = 8
"""Of the kernels, and of the operators; the artifact has more."""

MAX_NAME = 60


def profile_page(case: ShownCase) -> CasePage:
    """The row and the sections of a profile case."""
    details = details_of(case.artifact)
    if not isinstance(details, ProfileDetails):
        return CasePage(dict.fromkeys(HEADINGS, MISSING), [])
    profile = details.profile
    tables = [_rows("Operators that take most of the time", profile.top_operators)]
    if profile.top_kernels:
        tables.insert(0, _rows("Kernels that take most of the time", profile.top_kernels))
    if profile.gaps.longest:
        tables.append(_gaps(profile.gaps))
    busy = case.artifact.FINAL_RESULT / 100
    return CasePage(_cells(details, busy), [_result(details, busy), Section("Where the time goes", tables=tables)])


def _cells(details: ProfileDetails, busy: float) -> dict[str, Cell]:
    first = max(details.profile.groups, key=lambda group: group.seconds_per_step, default=None)
    cells = (
        share(busy),
        amount(1000 * details.step_seconds),
        MISSING if first is None else Cell(first.group),
        share(None if first is None else first.share),
        amount(details.launches_per_step),
        amount(details.host_waits_per_step),
        share(details.data_wait_fraction),
    )
    return dict(zip(HEADINGS, cells, strict=True))


def _result(details: ProfileDetails, busy: float) -> Section:
    gaps, rank = details.profile.gaps, _of_rank(details)
    figures = [
        KeyFigure("Busy", percent(busy), f"of the steps {WITH}, all ranks"),
        KeyFigure("Step", milliseconds(details.step_seconds), WITHOUT),
        KeyFigure(
            "Profiler", percent(details.profiler_overhead), f"longer with it, {details.profiled_steps} steps each"
        ),
        KeyFigure(
            "Idle per step", milliseconds(gaps.seconds_per_step), f"{count(gaps.count_per_step)} gaps{rank}, {WITH}"
        ),
        KeyFigure("Data wait", percent(details.data_wait_fraction), f"of the steps {WITHOUT}"),
    ]
    if details.launches_per_step is not None:
        waits = details.host_waits_per_step or 0.0
        figures.append(KeyFigure("Launches per step", count(details.launches_per_step), f"{count(waits)} host waits"))
    if details.communication is not None:
        hidden = details.communication.overlapped_seconds_per_step
        text = milliseconds(details.communication.seconds_per_step)
        remark = f"waiting for other ranks included{rank}, {WITH}; {milliseconds(hidden)} of it behind computing"
        figures.append(KeyFigure("Communication per step", text, remark))
    groups = sorted(details.profile.groups, key=lambda group: -group.seconds_per_step)
    values = [
        Bar(each.group, 1000 * each.seconds_per_step, f"{milliseconds(each.seconds_per_step)}, {percent(each.share)}")
        for each in groups
        if each.seconds_per_step
    ]
    text = f"Busy time per step of each kind of work{rank}, {WITH}; the backward pass counts with its forward operator."
    trace = details.trace
    note = f"Trace for ui.perfetto.dev: index/{trace}." if trace is not None else f"No trace: {details.trace_problem}."
    charts = [bars(f"Kinds of work{rank}", text, values, f"ms per step {WITH}", to_scale=True)]
    return Section("Profile", figures=figures, notes=[Note(note)], charts=charts)


def _of_rank(details: ProfileDetails) -> str:
    """Details are those of rank 0, the busy time is that of all ranks: with several they do not add up."""
    return ", rank 0" if len(details.ranks) > 1 else ""


def _rows(caption: str, rows: Sequence[KernelTime] | Sequence[OperatorTime]) -> Table:
    rates = [rate for each in rows[:ROWS] for rate in (each.tflops, each.terabytes_per_second) if rate is not None]
    prefix, factor = prefixed(max(rates, default=1.0))
    headings = ("name", "kind", "per step", "ms per step", "share", f"{prefix}FLOP/s", f"{prefix}B/s")
    return Table(
        f"{caption}, {WITH}",
        headings,
        [
            [
                _short(each.name),
                each.group,
                amount(each.count_per_step, count(each.count_per_step)),
                amount(1000 * each.seconds_per_step),
                share(each.share),
                amount(None if each.tflops is None else factor * each.tflops),
                amount(None if each.terabytes_per_second is None else factor * each.terabytes_per_second),
            ]
            for each in rows[:ROWS]
        ],
        sortable=True,
    )


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 3]}..."


def _gaps(gaps: Gaps) -> Table:
    rows = [
        [amount(1000 * each.seconds), each.part, _short(each.before or "-"), _short(each.after or "-")]
        for each in gaps.longest
    ]
    return Table(f"Longest gaps, {WITH}", ("ms", "part of the step", "after", "before"), rows)
