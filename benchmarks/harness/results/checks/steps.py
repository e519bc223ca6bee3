"""What the steps of a speed case did besides training: waits for the GPU, skipped steps, memory, compilation."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.harness.results.checks.case import ANOTHER_CLOCK, mismatch
from benchmarks.harness.results.gradient_scaling import too_many_skipped
from benchmarks.harness.results.speed_artifact import SpeedArtifact, TimedDetails, TimedRank


def step_rule(_artifact: SpeedArtifact, details: TimedDetails[TimedRank], case: Case) -> list[str]:
    """Contradictions, a line each."""
    checks = (_host_synchronisations, _skipped_steps, _memory, _compilation)
    return [line for check in checks for line in check(details, case)]


def _host_synchronisations(details: TimedDetails[TimedRank], case: Case) -> list[str]:
    owners = {"details": details} | {f"details.ranks: rank {rank.rank}": rank for rank in details.ranks}
    allowed, shown = (0, "0 on a GPU") if case.device == "cuda" else (None, "null on the CPU")
    return [
        f"{owner}: host_synchronisations: {count}, but it must be {shown}"
        for owner, figures in owners.items()
        if (count := figures.host_synchronisations) != allowed
    ]


def _memory(details: TimedDetails[TimedRank], case: Case) -> list[str]:
    """On a GPU what is allocated is a part of what is reserved, and the measured steps are a part of the run."""
    found = []
    for rank in details.ranks:
        reserved, most = rank.peak_reserved_bytes, rank.run_peak_reserved_bytes
        if {reserved is None, most is None} != {case.device == "cpu"}:
            found.append(f"details.ranks: rank {rank.rank}: reserved memory: null if and only if it ran on the CPU")
        elif reserved is not None and most is not None and not rank.peak_memory_bytes <= reserved <= most:
            found.append(
                f"details.ranks: rank {rank.rank}: peak_memory_bytes, peak_reserved_bytes and run_peak_reserved_bytes "
                "do not rise"
            )
    return found


def _compilation(details: TimedDetails[TimedRank], case: Case) -> list[str]:
    if (details.compile_seconds is None) == case.compile:
        return ["details.compile_seconds: null if and only if the case is not compiled"]
    reported = [rank.compile.seconds for rank in details.training if rank.compile is not None]
    found = mismatch("compile_seconds", details.compile_seconds, max(reported, default=None))
    for name in ("compile_seconds", "first_step_extra_seconds"):
        if (seconds := getattr(details, name) or 0) > details.total_seconds * ANOTHER_CLOCK:
            found.append(f"details.{name}: {seconds:g}, more than total_seconds")
    return found


def _skipped_steps(details: TimedDetails[TimedRank], _case: Case) -> list[str]:
    failure = too_many_skipped(details.gradient_scaling, details.measured_steps)
    return [] if failure is None else [f"details.gradient_scaling: {failure.message}"]
