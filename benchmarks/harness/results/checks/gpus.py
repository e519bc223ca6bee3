"""What the GPUs of a speed case used, and whether the figures of a GPU follow from each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from benchmarks.cases import Case
from benchmarks.harness.protocol.gpu_report import SLOWDOWN, GpuReport, Spread, energy_fits, reason_names
from benchmarks.harness.results.checks.case import ANOTHER_CLOCK, RELATIVE_ROUNDING, mismatch
from benchmarks.harness.results.speed_artifact import SpeedArtifact, TimedDetails, TimedRank

LATE_REPORT_SECONDS = 5.0  # a rank reports the end of its window a little after it
BOUNDS = {
    "sm_clock_mhz": (0, math.inf),
    "memory_clock_mhz": (0, math.inf),
    "power_watts": (0, math.inf),
    "temperature_celsius": (-math.inf, math.inf),
    "memory_temperature_celsius": (-math.inf, math.inf),
    "utilisation_percent": (0, 100),
    "memory_utilisation_percent": (0, 100),
}
"""Least and largest value of each spread."""


class _Rank(Protocol):
    """A rank in the artifact, or its result."""

    @property
    def rank(self) -> int: ...
    @property
    def measured_seconds(self) -> float: ...
    @property
    def samples(self) -> int: ...


def power_and_energy(gpus: Sequence[GpuReport], ranks: Sequence[_Rank]) -> tuple[float | None, float | None]:
    """Mean watts of all GPUs together, and joules per sample. None unless the energy of each rank's GPU is known."""
    watts = {each.rank: each.energy_joules / each.seconds for each in gpus if each.energy_joules is not None}
    if not ranks or any(each.rank not in watts for each in ranks):
        return None, None
    joules = sum(watts[each.rank] * each.measured_seconds for each in ranks)
    return sum(watts[each.rank] for each in ranks), joules / sum(each.samples for each in ranks)


def gpu_rule(_artifact: SpeedArtifact, details: TimedDetails[TimedRank], case: Case) -> list[str]:
    """Figures that do not follow from those that they are made of, a line each."""
    gpus, ranks = [] if details.machine is None else details.machine.gpus, details.ranks
    if gpus and case.device == "cpu":
        return ["details.machine.gpus: of a case on the CPU"]
    watts, joules = power_and_energy(gpus, ranks)
    totals = (("power_watts", details.power_watts, watts), ("joules_per_sample", details.joules_per_sample, joules))
    return [*_of_the_gpus(gpus, ranks), *(line for each in totals for line in _same_or_null(*each))]


def _same_or_null(name: str, value: float | None, expected: float | None) -> list[str]:
    if value is not None and expected is not None:
        return mismatch(name, value, expected)
    return [] if value == expected else [f"details.{name}: {value}, but the energy of the GPUs yields {expected}"]


def _of_the_gpus(gpus: Sequence[GpuReport], ranks: Sequence[TimedRank]) -> list[str]:
    by_rank = {each.rank: each for each in ranks}
    numbers = [each.rank for each in gpus]
    found = []
    if numbers != sorted(set(numbers) & set(by_rank)):
        found.append("details.machine.gpus: not those of the ranks of the case, in their order")
    for position, gpu in enumerate(gpus):
        lines = chain(_of_one(gpu), _of_its_rank(gpu, by_rank.get(gpu.rank)))
        found += [f"details.machine.gpus.{position}.{line}" for line in lines]
    return found


def _of_one(gpu: GpuReport) -> Iterator[str]:
    for name, (least, most) in BOUNDS.items():
        spread: Spread | None = getattr(gpu, name)
        if spread is not None and not least <= spread.min <= spread.mean <= spread.max <= most:
            yield f"{name}: min, mean and max do not rise, or are not between {least:g} and {most:g}"
    names = set(reason_names(gpu.clock_event_bits or 0).values())
    if set(gpu.clock_event_reasons) != names:
        yield f"clock_event_reasons: not those of clock_event_bits ({', '.join(sorted(names)) or 'none'})"
    yield from (
        f"clock_event_reasons: {name} in no sample" for name, part in gpu.clock_event_reasons.items() if not part
    )
    if not gpu.foreign_processes and (gpu.foreign_memory_bytes or gpu.foreign_utilisation_percent):
        yield "foreign_processes: none, but they had memory or used the multiprocessors"
    if (gpu.slowdown_fraction is None) != (gpu.clock_event_bits is None):
        yield "slowdown_fraction: null if and only if clock_event_bits is"
    # A sample may have several reasons: together they are seen in no more samples than each by itself, added up.
    slow = [gpu.clock_event_reasons.get(name, 0.0) for name in reason_names(SLOWDOWN).values()]
    least, most = max(slow), sum(slow)
    if not least - RELATIVE_ROUNDING <= (gpu.slowdown_fraction or 0.0) <= most + RELATIVE_ROUNDING:
        yield f"slowdown_fraction: {gpu.slowdown_fraction}, but the reasons yield {least:g} to {most:g}"
    yield from _energy(gpu)


def _energy(gpu: GpuReport) -> Iterator[str]:
    if (gpu.energy_joules is None) != (gpu.energy_source is None):
        yield "energy_source: null if and only if energy_joules is"
    if gpu.energy_joules is None:
        return
    watts = gpu.energy_joules / gpu.seconds
    if not math.isfinite(watts) or not energy_fits(watts, gpu.power_watts):
        yield f"energy_joules: {watts:.0f} W on average, which does not fit power_watts"
    if gpu.energy_source == "power" and gpu.power_watts is None:
        yield "energy_source: the power is not known"
    if gpu.partition:
        yield "energy_joules: a partition has no energy counter of its own"


def _of_its_rank(gpu: GpuReport, rank: TimedRank | None) -> Iterator[str]:
    if rank is None:
        return
    least, most = rank.measured_seconds / ANOTHER_CLOCK, rank.measured_seconds * ANOTHER_CLOCK + LATE_REPORT_SECONDS
    if not least <= gpu.seconds <= most:
        yield f"seconds: {gpu.seconds:.3f}, but rank {rank.rank} measured for {rank.measured_seconds:.3f} s"
