"""Whether the details of a good memory case contradict its case or each other: whatever can be recomputed is."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.compile_modes import CUDA_GRAPH_MODES
from benchmarks.harness.results.checks.case import measured_contradictions, mismatch, result_mismatch
from benchmarks.harness.results.checks.training import Problem, describe_problems, training_problems
from benchmarks.harness.results.memory_artifact import MemoryArtifact, MemoryDetails
from benchmarks.harness.results.memory_shares import bytes_per_sample, idle_process, kept_for_backward, shares_of
from benchmarks.harness.results.rank_differences import describe_mismatch

MEBIBYTE = 2**20

Rule = Callable[[MemoryDetails, Case], list[str]]
"""(details, case) -> contradictions, a line each."""


def memory_contradictions(artifact: MemoryArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each."""
    details = artifact.details
    if not isinstance(details, MemoryDetails):
        return ["details.source: unfinished_run, but the case is not flagged"]
    case = parse_case(details.case)
    if [rank.rank for rank in details.ranks] != list(range(case.processes)):
        return [f"details.ranks: not those of the case, 0 to {case.processes - 1}, in order"]
    found = result_mismatch(artifact, details.peak_bytes / MEBIBYTE)
    return found + [line for rule in RULES for line in rule(details, case)]


def memory_training_problems(details: MemoryDetails) -> list[Problem]:
    """What shows that the measured steps did not train what the case says."""
    return training_problems(details, details.measured_steps, details.warmup_steps)


def _highest_rank(details: MemoryDetails, _case: Case) -> list[str]:
    most = max(details.ranks, key=lambda each: (each.peak_bytes, -each.rank))
    return [
        *mismatch("of_rank", details.of_rank, most.rank),
        *mismatch("peak_bytes", details.peak_bytes, most.peak_bytes),
        *mismatch("host_peak_bytes", details.host_peak_bytes, most.host_peak_bytes),
    ]


def _device(details: MemoryDetails, case: Case) -> list[str]:
    """What only a GPU has, and the order of its peaks."""
    on_gpu = case.device == "cuda"
    found = []
    if details.memory_of != (kind := "device" if on_gpu else "process"):
        found.append(f"details.memory_of: {details.memory_of}, but the case needs {kind}")
    if (details.peak_source == "allocator") != on_gpu:
        found.append(f"details.peak_source: {details.peak_source}, but the case runs on {case.device}")
    if (details.allocator is None) == on_gpu:
        found.append("details.allocator: null if and only if the case runs on the CPU")
    for rank in details.ranks:
        reserved = rank.peak_reserved_bytes
        if (reserved is None) == on_gpu:
            found.append(f"details.ranks: rank {rank.rank}: peak_reserved_bytes: null if and only if it ran on the CPU")
        elif reserved is not None and reserved < rank.peak_bytes:
            found.append(f"details.ranks: rank {rank.rank}: peak_reserved_bytes: less than peak_bytes")
        elif reserved is None and rank.host_peak_bytes < rank.peak_bytes:
            found.append(f"details.ranks: rank {rank.rank}: host_peak_bytes: less than peak_bytes")
    has_graphs = on_gpu and details.compile_mode in CUDA_GRAPH_MODES
    if details.graph_pool_bytes and not has_graphs:
        found.append(f"details.graph_pool_bytes: {details.graph_pool_bytes}, but the case has no CUDA graphs")
    if not found and on_gpu:
        found += mismatch("peak_memory_bytes", details.peak_memory_bytes, details.peak_bytes - details.graph_pool_bytes)
        reserved = details.ranks[details.of_rank].peak_reserved_bytes or 0
        found += mismatch("fragmentation_bytes", details.fragmentation_bytes, reserved - details.peak_bytes)
    return found


def _parts(details: MemoryDetails, case: Case) -> list[str]:
    """The shares of the peak, and what follows from the readings of a step."""
    parts = shares_of(
        details.peak_bytes, details.tensors, details.moment, idle_process(details), details.graph_pool_bytes
    )
    expected = structs.asdict(parts)
    shares = structs.asdict(details.shares)
    found = [line for name, size in expected.items() for line in mismatch(f"shares.{name}", shares[name], size)]
    total = sum(size or 0 for size in shares.values())
    if total != details.peak_bytes:
        found.append(f"details.shares: their sum is {total}, but peak_bytes is {details.peak_bytes}")
    found += mismatch("kept_for_backward_bytes", details.kept_for_backward_bytes, kept_for_backward(details.step))
    found += _note("moment", details.moment is None, details.moment_note)
    moment = details.moment
    if moment is not None and not moment.new_gradient_bytes <= moment.gradient_bytes <= details.tensors.gradients:
        found.append("details.moment: gradient_bytes: less than the new ones, or more than tensors.gradients")
    if moment is not None and moment.allocated_bytes > moment.step_peak_bytes:
        found.append("details.moment: allocated_bytes: more than the peak of its step")
    if case.device == "cuda":
        found += [
            f"details.step.{name}: allocated and peak memory of a GPU do not rise"
            for name, each in structs.asdict(details.step).items()
            if each.allocated_bytes is None or not each.allocated_bytes <= each.peak_bytes
        ]
    return found


def _batch_sizes(details: MemoryDetails, case: Case) -> list[str]:
    own = case.batch_size_per_process
    sizes = [each.samples for each in details.batch_peaks]
    found = mismatch("bytes_per_sample", details.bytes_per_sample, bytes_per_sample(details.batch_peaks))
    if sizes not in ([], [own, own // 2 or 2]):
        found.append(f"details.batch_peaks: of {sizes} samples, but the case has {own}")
    return found + _note("batch", details.bytes_per_sample is None, details.batch_note)


def _snapshot(details: MemoryDetails, case: Case) -> list[str]:
    found = _note("snapshot", details.snapshot is None, details.snapshot_note)
    if case.device == "cpu" and details.snapshot is not None:
        found.append("details.snapshot: not null, but the case runs on the CPU")
    return found


def _note(name: str, missing: bool, note: str | None) -> list[str]:
    """There is a reason if and only if something is missing."""
    return [] if missing == (note is not None) else [f"details.{name}_note: null if and only if nothing is missing"]


def _training(details: MemoryDetails, _case: Case) -> list[str]:
    return describe_problems(memory_training_problems(details)) + describe_mismatch(details.rank_differences)


def _whatever_was_measured(details: MemoryDetails, case: Case) -> list[str]:
    return measured_contradictions(details, case)


RULES: tuple[Rule, ...] = (
    _highest_rank,
    _device,
    _parts,
    _batch_sizes,
    _snapshot,
    _whatever_was_measured,
    _training,
)
