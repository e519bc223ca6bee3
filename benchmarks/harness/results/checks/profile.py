"""Whether the details of a good profile case contradict its case or each other.

Everything that can be recomputed is. To add a check: one more function in RULES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.profile_report import MAX_ROWS, RankProfile
from benchmarks.harness.results.checks.case import (
    RELATIVE_ROUNDING,
    measured_contradictions,
    mismatch,
    result_mismatch,
)
from benchmarks.harness.results.checks.training import Problem, describe_problems, training_problems
from benchmarks.harness.results.profile_artifact import ProfileArtifact, ProfileDetails
from benchmarks.harness.results.rank_differences import describe_mismatch

PER_STEP = ("kernels_per_step", "launches_per_step", "host_waits_per_step")
COPIED = ("operators_per_step", *PER_STEP, "communication")
"""Fields that are those of rank 0."""

Rule = Callable[[ProfileArtifact, ProfileDetails, Case], list[str]]
"""(artifact, its details, its case) -> contradictions, a line each."""


def result_of(ranks: Sequence[RankProfile]) -> float:
    """FINAL_RESULT: the share of the time of all ranks in which their devices computed, in percent."""
    return 100 * sum(each.busy_seconds for each in ranks) / sum(each.profiled_seconds for each in ranks)


def profile_contradictions(artifact: ProfileArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each."""
    details = artifact.details
    if not isinstance(details, ProfileDetails):
        return []
    case = parse_case(details.case)
    numbers = [rank.rank for rank in details.ranks]
    if numbers != list(range(case.processes)):  # the other rules rely on it
        return [f"details.ranks: {len(numbers)} entries, but the ranks of the case are 0 to {case.processes - 1}"]
    return [line for rule in RULES for line in rule(artifact, details, case)]


def profile_training_problems(details: ProfileDetails) -> list[Problem]:
    """What shows that the measured steps, those without the profiler, did not train what the case says."""
    return training_problems(details, details.measured_steps, details.warmup_steps)


def _result(artifact: ProfileArtifact, details: ProfileDetails, _case: Case) -> list[str]:
    return result_mismatch(artifact, result_of(details.ranks))


def _steps(_artifact: ProfileArtifact, details: ProfileDetails, _case: Case) -> list[str]:
    slowest = max(rank.profiled_seconds for rank in details.ranks)
    waiting = details.ranks[0].data_wait_seconds / details.ranks[0].profiled_seconds
    return [
        *mismatch("profiled_steps", details.profiled_steps, details.measured_steps),
        *mismatch("profiled_step_seconds", details.profiled_step_seconds, slowest / details.profiled_steps),
        *mismatch("profiler_overhead", details.profiler_overhead, _overhead(details)),
        *mismatch("profiled_data_wait_fraction", details.profiled_data_wait_fraction, min(1.0, waiting)),
    ]


def _overhead(details: ProfileDetails) -> float:
    return details.profiled_step_seconds / details.step_seconds - 1


def _ranks(_artifact: ProfileArtifact, details: ProfileDetails, case: Case) -> list[str]:
    first = details.ranks[0]
    different = [field for field in COPIED if getattr(details, field) != getattr(first, field)]
    found = [f"details.{field}: not that of rank 0" for field in different]
    for rank in details.ranks:
        at = f"details.ranks: rank {rank.rank}"
        if rank.busy_seconds > rank.profiled_seconds:
            found.append(f"{at}: busy for {rank.busy_seconds:g} s of {rank.profiled_seconds:g} s")
        elif mismatch("", rank.busy_fraction, rank.busy_seconds / rank.profiled_seconds):
            found.append(f"{at}: busy_fraction is not busy_seconds / profiled_seconds")
        if any((getattr(rank, field) is None) != (case.device == "cpu") for field in PER_STEP):
            found.append(f"{at}: {', '.join(PER_STEP)}: null if and only if it ran on the CPU")
        if case.device == "cuda" and not rank.kernels_per_step:
            found.append(f"{at}: no kernels, but a step on a GPU has some")
        if (rank.communication is None) != (case.mode == "sp"):
            found.append(f"{at}: communication: null if and only if there is one process")
        elif (time := rank.communication) and time.overlapped_seconds_per_step > time.seconds_per_step + 1e-9:
            found.append(f"{at}: more communication overlaps with computation than there is")
    return found


def _sums(_artifact: ProfileArtifact, details: ProfileDetails, case: Case) -> list[str]:
    """Groups, their parts, and listed names are the whole busy time; the gaps are the rest."""
    profile, first = details.profile, details.ranks[0]
    busy, window = (each / details.profiled_steps for each in (first.busy_seconds, first.profiled_seconds))
    found = []
    if not _near(sum(each.seconds_per_step for each in profile.groups), busy):
        found.append("details.profile.groups: their seconds are not the busy time of a step")
    for each in profile.groups:
        if not _near(sum(each.parts.values()), each.seconds_per_step):
            found.append(f"details.profile.groups: the parts of {each.group} are not its seconds")
        if not _near(each.share * busy, each.seconds_per_step):
            found.append(f"details.profile.groups: the share of {each.group} is not that of its seconds")
    if len({each.group for each in profile.groups}) < len(profile.groups):
        found.append("details.profile.groups: one is listed twice")
    listed = {"operators": (profile.top_operators, profile.other_operators)}
    if case.device == "cuda":
        listed["kernels"] = (profile.top_kernels, profile.other_kernels)  # type: ignore[assignment]
    elif profile.top_kernels:
        found.append("details.profile.top_kernels: not empty, but the case runs on the CPU")
    for name, (top, other) in listed.items():
        if busy and not _near(sum(each.share for each in top) + other.share, 1.0):
            found.append(f"details.profile.top_{name}: their shares, with those of other_{name}, are not 1")
        if any(each.share * busy > each.seconds_per_step * (1 + RELATIVE_ROUNDING) + 1e-9 for each in top):
            found.append(f"details.profile.top_{name}: one has a larger share than its seconds")
        if other.names and len(top) < MAX_ROWS:
            found.append(f"details.profile.other_{name}: {other.names} names, but the list has room")
    if not _near(profile.gaps.seconds_per_step + busy, window):
        found.append("details.profile.gaps: their seconds and the busy time are not the time of a step")
    return found


def _near(found: float, expected: float) -> bool:
    return abs(found - expected) <= RELATIVE_ROUNDING * abs(expected) + 1e-9


def _trace(_artifact: ProfileArtifact, details: ProfileDetails, _case: Case) -> list[str]:
    wrong = (details.trace is None) == (details.trace_problem is None)
    return ["details.trace_problem: null if and only if there is a trace"] if wrong else []


def _whatever_was_measured(_artifact: ProfileArtifact, details: ProfileDetails, case: Case) -> list[str]:
    return measured_contradictions(details, case)


def _training(_artifact: ProfileArtifact, details: ProfileDetails, _case: Case) -> list[str]:
    return describe_problems(profile_training_problems(details)) + describe_mismatch(details.rank_differences)


RULES: tuple[Rule, ...] = (_result, _steps, _ranks, _sums, _trace, _whatever_was_measured, _training)
