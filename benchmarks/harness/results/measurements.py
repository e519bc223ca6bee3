"""The table of measurements. What the suite can do with a case is listed here, and only here.

Suffix and schema of the artifact, pytest marker, gate check and table at the end of a session follow from a record
(type: `measurement.py`). To add one: docs/adding-a-measurement.md.
"""

from __future__ import annotations

from benchmarks.harness.protocol.memory_report import SNAPSHOT_FILE
from benchmarks.harness.protocol.profile_report import TRACE_FILE
from benchmarks.harness.results import (
    convergence,
    largest_batch,
    largest_batch_table,
    memory,
    profile,
    speed,
    speed_table,
)
from benchmarks.harness.results.checks import largest_batch as largest_batch_checks
from benchmarks.harness.results.convergence import convergence_goal
from benchmarks.harness.results.formats import CONVERGENCE, LARGEST_BATCH, MEMORY, PROFILE, SPEED
from benchmarks.harness.results.measurement import Attachment, Measurement, Parameters, Tries
from benchmarks.harness.results.trace_file import keep_trace

__all__ = [
    "MEASUREMENTS",
    "Attachment",
    "Measurement",
    "Parameters",
    "Tries",
    "convergence_goal",
    "is_companion",
    "measurement_of_file",
]

MEASUREMENTS: dict[str, Measurement] = {
    each.name: each
    for each in (
        Measurement(
            form=SPEED,
            title="OCR training speed",
            help="training throughput of a case",
            run_in_rank="benchmarks.harness.worker.speed:measure_speed",
            build=speed.build,
            contradictions=speed.contradictions,
            line=speed_table.line,
            headings=speed_table.HEADINGS,
            cells=speed_table.cells,
            opt_in=False,
            several_nodes=True,
            light=True,
            page="benchmarks.harness.report.page.speed:speed_page",
        ),
        Measurement(
            form=MEMORY,
            title="OCR training memory",
            help="how much memory a case needs, and for what",
            run_in_rank="benchmarks.harness.worker.memory:measure_memory",
            build=memory.build,
            contradictions=memory.contradictions,
            line=memory.line,
            headings=memory.HEADINGS,
            cells=memory.cells,
            parameters=memory.parameters,
            attachment=Attachment(SNAPSHOT_FILE, memory.SNAPSHOT_SUFFIX, memory.keep_snapshot),
            page="benchmarks.harness.report.page.memory:memory_page",
        ),
        Measurement(
            form=PROFILE,
            title="OCR training profile",
            help="where the time of a case goes, by torch's profiler",
            run_in_rank="benchmarks.harness.worker.profile:measure_profile",
            build=profile.build,
            contradictions=profile.contradictions,
            line=profile.line,
            headings=profile.HEADINGS,
            cells=profile.cells,
            parameters=profile.parameters,
            attachment=Attachment(TRACE_FILE, profile.TRACE_SUFFIX, keep_trace),
            page="benchmarks.harness.report.page.profile:profile_page",
        ),
        Measurement(
            form=CONVERGENCE,
            title="OCR training convergence",
            help="a case whose training must reach a score",
            run_in_rank="benchmarks.harness.worker.convergence:measure_convergence",
            build=convergence.build,
            contradictions=convergence.contradictions,
            line=convergence.line,
            headings=convergence.HEADINGS,
            cells=convergence.cells,
            parameters=convergence.parameters,
            picture="benchmarks.harness.report.plots:draw_curves",
            page="benchmarks.harness.report.page.convergence:convergence_page",
        ),
        Measurement(
            form=LARGEST_BATCH,
            title="OCR largest batch",
            help="the largest batch of a case that fits into memory",
            run_in_rank="benchmarks.harness.worker.largest_batch:measure_largest_batch",
            build=largest_batch.build,
            contradictions=largest_batch_checks.contradictions,
            line=largest_batch_table.line,
            headings=largest_batch_table.HEADINGS,
            cells=largest_batch_table.cells,
            parameters=largest_batch.parameters,
            page="benchmarks.harness.report.page.largest_batch:largest_batch_page",
            tries=Tries(
                next_plan=largest_batch.next_plan,
                failure=largest_batch.failure_of_search,
                line=largest_batch.try_line,
            ),
        ),
    )
}


def measurement_of_file(name: str) -> Measurement | None:
    """The measurement whose artifact a file name belongs to, by its suffix; None if it is not one."""
    suffixed = [each for each in MEASUREMENTS.values() if name.endswith(f"_{each.name}")]
    return max(suffixed, key=lambda each: len(each.name), default=None)


def is_companion(name: str) -> bool:
    """Whether a file name is that of a file that a measurement leaves next to its artifact."""
    return any(name.endswith(f"_{each.name}{suffix}") for each in MEASUREMENTS.values() for suffix in each.companions)
