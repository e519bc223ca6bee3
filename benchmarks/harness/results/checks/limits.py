"""Whether the limits of a good speed case contradict its case or each other."""

from __future__ import annotations

from msgspec import structs

from benchmarks.cases import Case
from benchmarks.harness.protocol.limits import StepWork
from benchmarks.harness.results.checks.case import RELATIVE_ROUNDING, mismatch
from benchmarks.harness.results.roofline import matmul_held_tflops, roofline
from benchmarks.harness.results.speed_artifact import RankDetails, Roofline, SpeedDetails


def limit_contradictions(details: SpeedDetails, case: Case) -> list[str]:
    """The rates of all ranks, the roofline and what bounds the step."""
    limits = [rank.probes.limits for rank in details.ranks]
    copied = sum(each.copy_terabytes_per_second for each in limits)
    expected = roofline(
        limits,
        step_seconds=details.measured_seconds / details.measured_steps,
        matmul_tflops=details.matmul_tflops,
        data_fraction=details.data_wait_fraction,
        communication_fraction=details.exposed_communication_fraction,
    )
    found = [
        *mismatch("matmul_held_tflops", details.matmul_held_tflops, matmul_held_tflops(limits)),
        *mismatch("copy_terabytes_per_second", details.copy_terabytes_per_second, copied),
        *_impossible_limits(details, case),
    ]
    if details.roofline is None or expected is None:
        both = details.roofline is None and expected is None
        return found if both else [*found, "details.roofline: null if and only if rank 0 has no step_work"]
    for name in structs.fields(Roofline):
        value, right = (getattr(each, name.name) for each in (details.roofline, expected))
        if isinstance(right, str):
            found += [] if value == right else [f"details.roofline.bound_by: {value}, but the parts yield {right}"]
        else:
            found += mismatch(f"roofline.{name.name}", value, right)
    return found


def _impossible_limits(details: SpeedDetails, case: Case) -> list[str]:
    found = []
    for rank in details.ranks:
        owner, limits = f"details.ranks: rank {rank.rank}: limits", rank.probes.limits
        found += [
            f"{owner}: {name}: null if and only if it ran on the CPU"
            for name in ("matmul_held_tflops", "host_step_seconds")
            if (getattr(limits, name) is None) != (case.device == "cpu")
        ]
        if limits.step_work is not None:
            found += [f"{owner}: step_work: {line}" for line in _impossible_work(rank, limits.step_work)]
    return found


def _impossible_work(rank: RankDetails, work: StepWork) -> list[str]:
    found = ["only rank 0 counts it"] if rank.rank else []
    if sum(work.stage_bytes.values()) != work.bytes:
        found.append("stage_bytes do not add up to bytes")
    if work.arithmetic_bound_flops > work.flops or work.memory_bound_bytes > work.bytes:
        found.append("a part is larger than the whole")
    # The longer of two times, added up over the operations, is at least each of them added up.
    arithmetic, memory = rank.probes.matmul_tflops * 1e12, rank.probes.limits.copy_terabytes_per_second * 1e12
    together = work.arithmetic_bound_flops / arithmetic + work.memory_bound_bytes / memory
    least = max(work.flops / arithmetic, work.bytes / memory)
    if together < (1 - RELATIVE_ROUNDING) * least:
        found.append(f"its parts take {together:g} s, but one limit alone {least:g} s")
    return found
