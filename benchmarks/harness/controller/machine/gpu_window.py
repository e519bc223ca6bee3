"""From the samples of a GPU to the report of a rank's measured window."""

from __future__ import annotations

import functools
import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from benchmarks.harness.controller.machine.gpu_processes import ForeignUse
from benchmarks.harness.controller.machine.gpus import GpuSample, GpuSettings
from benchmarks.harness.protocol.gpu_report import SLOWDOWN, GpuReport, Spread, energy_fits, reason_names


@dataclass(frozen=True)
class GpuWindow:
    """The measured window of a rank, in monotonic seconds."""

    rank: int
    begin: float
    end: float


def gpu_report(
    window: GpuWindow, samples: Sequence[GpuSample], settings: GpuSettings, *, partition: bool = False
) -> GpuReport | None:
    """None if the GPU was not sampled then."""
    used = _within(samples, window.begin, window.end)
    if not used or window.end <= window.begin:
        return None
    power = _spread(used, lambda sample: sample.power_watts)
    energy, source = (None, None) if partition else _energy(samples, used, power, window)
    foreign = [each.foreign for each in used if each.foreign is not None]
    foreign_uses = [each.utilisation_percent for each in foreign if each.utilisation_percent is not None]
    reasons = [each.clock_event_bits for each in used if each.clock_event_bits is not None]
    seen = functools.reduce(operator.or_, reasons, 0)
    return GpuReport(
        rank=window.rank,
        partition=partition,
        seconds=window.end - window.begin,
        samples=len(used),
        sm_clock_mhz=_spread(used, lambda sample: sample.sm_clock_mhz),
        sm_clock_max_mhz=settings.sm_clock_max_mhz,
        memory_clock_mhz=_spread(used, lambda sample: sample.memory_clock_mhz),
        memory_clock_max_mhz=settings.memory_clock_max_mhz,
        power_watts=power,
        power_limit_watts=settings.power_limit_watts,
        temperature_celsius=_spread(used, lambda sample: sample.temperature_celsius),
        memory_temperature_celsius=_spread(used, lambda sample: sample.memory_temperature_celsius),
        utilisation_percent=_spread(used, lambda sample: sample.utilisation_percent),
        memory_utilisation_percent=_spread(used, lambda sample: sample.memory_utilisation_percent),
        clock_event_bits=seen if reasons else None,
        clock_event_reasons={name: _part(reasons, bit) for bit, name in reason_names(seen).items()},
        slowdown_fraction=_part(reasons, SLOWDOWN) if reasons else None,
        energy_joules=energy,
        energy_source=source,
        persistence_mode=settings.persistence_mode,
        compute_mode=settings.compute_mode,
        ecc_uncorrected_errors=settings.ecc_uncorrected_errors,
        foreign_processes=max((each.processes for each in foreign), default=None),
        foreign_memory_bytes=_most_memory(foreign),
        foreign_utilisation_percent=statistics.fmean(foreign_uses) if foreign_uses else None,
    )


def _most_memory(foreign: Sequence[ForeignUse]) -> int | None:
    """In bytes. What each process has is not always known; then the sum is not either."""
    memory = [each.memory_bytes for each in foreign if each.memory_bytes is not None]
    return max(memory) if foreign and len(memory) == len(foreign) else None


def _within(samples: Sequence[GpuSample], begin: float, end: float) -> list[GpuSample]:
    """In the window; if none is, the last one before and the first one after it."""
    inside = [each for each in samples if begin <= each.at <= end]
    if inside:
        return inside
    before = [each for each in samples if each.at < begin]
    after = [each for each in samples if each.at > end]
    return [before[-1], after[0]] if before and after else []


def _spread(samples: Sequence[GpuSample], value: Callable[[GpuSample], float | None]) -> Spread | None:
    known = [found for sample in samples if (found := value(sample)) is not None]
    if not known:
        return None
    # The mean of equal numbers may differ from them in its last digit.
    mean = min(max(statistics.fmean(known), min(known)), max(known))
    return Spread(float(min(known)), mean, float(max(known)))


def _part(reasons: Sequence[int], bits: int) -> float:
    return sum(bool(each & bits) for each in reasons) / len(reasons)


def _energy(
    samples: Sequence[GpuSample], used: Sequence[GpuSample], power: Spread | None, window: GpuWindow
) -> tuple[float | None, Literal["counter", "power"] | None]:
    """Joules in the window. A counter that stands still, runs back or contradicts the power is not believed."""
    begin, end = window.begin, window.end
    counted = _counted(samples, begin, end)
    if counted and energy_fits(counted / (end - begin), power):
        return counted, "counter"
    drawn = [(each.at, each.power_watts) for each in used if each.power_watts is not None]
    return (_integral(drawn, begin, end), "power") if drawn else (None, None)


def _counted(samples: Sequence[GpuSample], begin: float, end: float) -> float | None:
    """By the counter, which is known at the samples; at both ends of the window it is interpolated."""
    known = [(each.at, each.energy_joules) for each in samples if each.energy_joules is not None]
    ends = [_at(known, at) for at in (begin, end)]
    around = [joules for at, joules in known if begin <= at <= end]
    readings = [ends[0], *around, ends[1]]
    values = [each for each in readings if each is not None]
    if len(values) < len(readings) or any(later < earlier for earlier, later in pairwise(values)):
        return None
    return values[-1] - values[0]


def _at(known: Sequence[tuple[float, float]], at: float) -> float | None:
    """Between the last sample before and the first after a time; None outside the samples."""
    for (earlier, before), (later, after) in pairwise(known):
        if earlier <= at <= later:
            return before + (after - before) * (at - earlier) / max(later - earlier, 1e-9)
    return None


def _integral(points: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """Of a value over the window: straight between the points, constant before the first and after the last."""
    inside = [(min(max(at, begin), end), value) for at, value in points]
    whole = [(begin, inside[0][1]), *inside, (end, inside[-1][1])]
    return sum((later - earlier) * (before + after) / 2 for (earlier, before), (later, after) in pairwise(whole))
