"""Whether the details of a good speed case contradict its case or each other.

Everything that can be recomputed is. To add a check: one more function in RULES, or, of what a light run lacks, in
`checks/probes.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.warm_up import least_warmup
from benchmarks.harness.results.checks.case import (
    ANOTHER_CLOCK,
    measured_contradictions,
    mismatch,
    result_mismatch,
)
from benchmarks.harness.results.checks.gpus import gpu_rule
from benchmarks.harness.results.checks.probes import probe_contradictions
from benchmarks.harness.results.checks.steps import step_rule
from benchmarks.harness.results.checks.times import cpu_time_rule, slowest_rank, step_distribution_rule, time_rule
from benchmarks.harness.results.checks.training import Problem, describe_problems, training_problems
from benchmarks.harness.results.common import largest_peaks
from benchmarks.harness.results.machine_verdict import machine_contradictions
from benchmarks.harness.results.peaks import peak_of_all
from benchmarks.harness.results.rank_differences import describe_mismatch
from benchmarks.harness.results.scaling import baseline_of
from benchmarks.harness.results.speed_artifact import SpeedArtifact, SpeedDetails, TimedDetails, TimedRank

Timed = TimedDetails[TimedRank]
Rule = Callable[[SpeedArtifact, Timed, Case], list[str]]
"""(artifact, its details, its case) -> contradictions, a line each."""


def speed_contradictions(artifact: SpeedArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each."""
    details = artifact.details
    if not isinstance(details, TimedDetails):
        return []
    case = parse_case(details.case)
    if found := _ranks_of_the_case(artifact, details, case):
        return found  # the other rules rely on it
    found = probe_contradictions(details, case) if isinstance(details, SpeedDetails) else []
    return found + [line for rule in RULES for line in rule(artifact, details, case)]


def _ranks_of_the_case(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    numbers = [rank.rank for rank in details.ranks]
    if numbers == list(range(case.processes)):
        return []
    return [f"details.ranks: {len(numbers)} entries, but the ranks of the case are 0 to {case.processes - 1}, in order"]


def _result(artifact: SpeedArtifact, details: Timed, _case: Case) -> list[str]:
    return result_mismatch(artifact, details.samples / details.measured_seconds)


def _samples(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    own = details.measured_steps * case.batch_size_per_process
    found = [
        f"details.ranks: rank {rank.rank} has {rank.samples} samples, but {details.measured_steps} steps of "
        f"{case.batch_size_per_process} are {own}"
        for rank in details.ranks
        if rank.samples != own
    ]
    return found + mismatch("samples", details.samples, own * case.processes)


def _device(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    found = []
    if details.peak_memory_of != (kind := "device" if case.device == "cuda" else "process"):
        found.append(f"details.peak_memory_of: {details.peak_memory_of}, but the case needs {kind}")
    found += [
        f"details.ranks: rank {rank.rank}: device_seconds: null if and only if it ran on the CPU"
        for rank in details.ranks
        if (rank.device_seconds is None) != (case.device == "cpu")
    ]
    return found


def _figures_of_the_ranks(_artifact: SpeedArtifact, details: Timed, _case: Case) -> list[str]:
    """What `results/speed.py` combines from the ranks."""
    ranks, window = details.ranks, slowest_rank(details)
    fastest = min(rank.measured_seconds for rank in ranks)
    expected = {
        "measured_seconds": window.measured_seconds,
        "data_wait_fraction": min(1.0, window.data_wait_seconds / window.measured_seconds),
        "rank_spread": 1 - fastest / window.measured_seconds,
        **structs.asdict(largest_peaks(ranks)),
    }
    return [line for field, value in expected.items() for line in mismatch(field, getattr(details, field), value)]


def _warm_up(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    needed, reason = least_warmup(case, details.compile_mode)
    if details.warmup_steps >= needed:
        return []
    return [f"details.warmup_steps: {details.warmup_steps}, but the case needs {needed}: {reason}"]


def _compute_rate(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    achieved = details.flops_per_sample * details.samples / details.measured_seconds / 1e12
    peak = peak_of_all(details.device, case)
    return [
        *mismatch("achieved_tflops", details.achieved_tflops, achieved),
        *mismatch("peak_tflops", details.peak_tflops, peak),
        *mismatch("mfu", details.mfu, None if peak is None else details.achieved_tflops / peak),
    ]


def _losses(_artifact: SpeedArtifact, details: Timed, _case: Case) -> list[str]:
    same = details.loss_first.keys() == details.loss_last.keys()
    return [] if same else ["details.loss_last: other losses than loss_first"]


def _scaling(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    if details.scaling is None:
        return []
    if case.mode == "sp":
        return ["details.scaling: of a case with one process"]
    baseline = str(baseline_of(case))
    return [] if details.scaling.baseline == baseline else [f"details.scaling.baseline: is not {baseline}"]


def _whatever_was_measured(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    return measured_contradictions(details, case)


def _machine(_artifact: SpeedArtifact, details: Timed, case: Case) -> list[str]:
    found = machine_contradictions(details.machine, strict=details.strict_machine, gpus=case.gpu_count)
    observed = None if details.machine is None else details.machine.observed_seconds
    if observed is not None and observed * ANOTHER_CLOCK < details.measured_seconds:
        found.append(
            f"details.machine: observed for {observed:.3f} s, less than the measured {details.measured_seconds:.3f} s"
        )
    return found


def speed_training_problems(details: Timed) -> list[Problem]:
    """What shows that the measured steps did not train what the case says."""
    return training_problems(details, details.measured_steps, details.warmup_steps)


def _training(_artifact: SpeedArtifact, details: Timed, _case: Case) -> list[str]:
    return describe_problems(speed_training_problems(details)) + describe_mismatch(details.rank_differences)


RULES: tuple[Rule, ...] = (
    _result,
    _samples,
    step_rule,
    _whatever_was_measured,
    _training,
    _device,
    _figures_of_the_ranks,
    _warm_up,
    _compute_rate,
    time_rule,
    cpu_time_rule,
    step_distribution_rule,
    _losses,
    _scaling,
    _machine,
    gpu_rule,
)
