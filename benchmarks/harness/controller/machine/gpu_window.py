"""The GPUs of a case over the measured window."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.harness.controller.machine.gpus import GpuSample
from benchmarks.harness.protocol.machine_report import GPU_SLOWDOWN, GPU_THROTTLE_REASONS, GpuReport


def gpu_reports(samples: Sequence[Sequence[GpuSample]]) -> list[GpuReport]:
    """`samples`: of all GPUs, one after another. Returns a report per GPU."""
    return [_report(of_one) for of_one in zip(*samples, strict=True)] if all(samples) else []


def _report(samples: Sequence[GpuSample]) -> GpuReport:
    clocks = [each.sm_clock_mhz for each in samples if each.sm_clock_mhz is not None]
    reasons = [each.throttle_reasons for each in samples if each.throttle_reasons is not None]
    uses = [each.utilisation_percent for each in samples if each.utilisation_percent is not None]
    foreign = [each.foreign for each in samples if each.foreign is not None]
    foreign_uses = [each.utilisation_percent for each in foreign if each.utilisation_percent is not None]
    seen = 0
    for each in reasons:
        seen |= each
    return GpuReport(
        sm_clock_min_mhz=min(clocks, default=None),
        sm_clock_median_mhz=int(statistics.median(clocks)) if clocks else None,
        throttle_reasons=seen if reasons else None,
        throttle_reason_names=[name for bit, name in GPU_THROTTLE_REASONS.items() if seen & bit],
        slowdown_fraction=sum(bool(each & GPU_SLOWDOWN) for each in reasons) / len(reasons) if reasons else None,
        utilisation_percent=statistics.fmean(uses) if uses else None,
        temperature_max_celsius=max(
            (each.temperature_celsius for each in samples if each.temperature_celsius is not None), default=None
        ),
        foreign_processes=max((each.processes for each in foreign), default=None),
        foreign_memory_bytes=max((each.memory_bytes for each in foreign), default=None),
        foreign_utilisation_percent=statistics.fmean(foreign_uses) if foreign_uses else None,
    )
