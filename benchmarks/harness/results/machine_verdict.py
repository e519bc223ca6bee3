"""Whether the machine disturbed the measured steps, from what was sampled outside the ranks. Never from the result.

docs/machine.md has the figures from which the limits were chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec import structs

from benchmarks.harness.protocol.gpu_report import SLOWDOWN, GpuReport, reason_names
from benchmarks.harness.protocol.machine_report import MachineDetails, MachineReport
from benchmarks.harness.protocol.records import Failure

FOREIGN_FRACTION = 0.05  # of the cores. A training on the CPU wants all of them, and waits for its slowest thread
IDLE_FRACTION = 0.10  # of the cores. With that many idle ones, other programs take none from a training on GPUs
STEAL_FRACTION = 0.05  # of the cores' time
THROTTLED_FRACTION = 0.05  # of the quota periods, and of the time
MEMORY_FRACTION = 0.02  # of the time in which a task waited for memory: the machine is short of it
STOPPED_FRACTION = 0.05  # of the window
SLOWDOWN_FRACTION = 0.10  # of the samples of a GPU: a single one may be the end of an earlier load
FOREIGN_GPU_PERCENT = 5.0  # use of a GPU's multiprocessors. A program that only holds memory disturbs nothing

FREEZE_STEPS = 2.0  # median steps, and
FREEZE_FRACTION = 0.05  # of the window: beyond either, a freeze changes the result
PAUSE_SECONDS = 2.0
PAUSE_STEPS = 5.0  # median steps
IDLE_CASE_CORES = 0.03  # below this the case did nothing: threads that wake up now and then use 0.01


def judged(report: MachineReport) -> MachineDetails:
    """The report with its verdict."""
    reasons = list(_reasons(report))
    verdict = "disturbed" if reasons else "quiet"
    return MachineDetails(**structs.asdict(report), verdict=verdict, reasons=reasons)  # type: ignore[arg-type]


def machine_failure(machine: MachineDetails | None, *, strict: bool, gpus: int = 0) -> Failure | None:
    """Why the result cannot be used: it was held up, or `strict` (--ocr-strict-machine) accepts no disturbance.

    `gpus`: of the case. A GPU that was not observed may have been disturbed.
    """
    if machine is None:
        return Failure("disturbed", "the machine was not observed (--ocr-strict-machine)") if strict else None
    if (held_up := _held_up(machine)) is not None:
        return Failure("disturbed", held_up)
    if strict and machine.reasons:
        return Failure("disturbed", f"{'; '.join(machine.reasons)} (--ocr-strict-machine)")
    if strict and (unobserved := _unobserved(machine, gpus)) is not None:
        return Failure("disturbed", f"{unobserved} (--ocr-strict-machine)")
    return None


def machine_contradictions(machine: MachineDetails | None, *, strict: bool, gpus: int = 0) -> list[str]:
    """What a good artifact says of the machine that contradicts its figures, a line each. For the gate."""
    found = []
    if (failure := machine_failure(machine, strict=strict, gpus=gpus)) is not None:
        found.append(f"details.machine: {failure.message}")
    if machine is not None:
        found += _inconsistent(machine)
        expected = judged(_figures(machine))
        if (machine.verdict, machine.reasons) != (expected.verdict, expected.reasons):
            found.append(f"details.machine: the verdict is {machine.verdict}, but the figures yield {expected.verdict}")
    return found


def remark(machine: MachineDetails | None, gpus: int = 0) -> str:
    """The verdict in the line of a result; empty for a quiet machine whose GPUs were observed."""
    if machine is None:
        return ""
    unobserved = _unobserved(machine, gpus)
    disturbed = f"; machine disturbed: {', '.join(machine.reasons)}" if machine.reasons else ""
    return disturbed + (f"; {unobserved}" if unobserved else "")


def _unobserved(machine: MachineDetails, gpus: int) -> str | None:
    """GPUs of the case of which nothing is known: no NVML, or a window that is shorter than the time of a sample."""
    missing = gpus - len(machine.gpus)
    return f"{missing} of {gpus} GPU{'s' if gpus > 1 else ''} not observed" if missing > 0 else None


def _inconsistent(machine: MachineReport) -> Iterator[str]:
    """Figures that do not follow from those that they are made of."""
    cores = min(machine.affinity_cores, machine.quota_cores or machine.affinity_cores)
    if not math.isclose(machine.available_cores, cores):
        yield f"details.machine.available_cores: {machine.available_cores:g}, but affinity and quota leave {cores:g}"
    fraction = machine.case_cpu_seconds / (machine.observed_seconds * cores)
    if not math.isclose(machine.case_cpu_fraction, fraction, rel_tol=1e-6):
        yield f"details.machine.case_cpu_fraction: {machine.case_cpu_fraction:.3f} instead of {fraction:.3f}"
    if machine.freeze is not None and machine.freeze.seconds > machine.freeze.total_seconds:
        yield "details.machine.freeze: the longest freeze is longer than all of them"


def _figures(machine: MachineDetails) -> MachineReport:
    fields = {name: getattr(machine, name) for name in MachineReport.__struct_fields__}
    return MachineReport(**fields)


def _held_up(report: MachineReport) -> str | None:
    """A pause that is not the training's, in one line."""
    pause, freeze = report.longest_pause, report.freeze
    median = None if pause is None else pause.median_seconds
    if freeze is not None:
        changes = freeze.total_seconds > FREEZE_FRACTION * report.observed_seconds
        if changes or (median is not None and freeze.seconds > FREEZE_STEPS * median):
            usual = "" if median is None else f", a median step takes {median:.3g} s"
            return f"step {freeze.step} was held up for {freeze.seconds:.1f} s{usual}: {freeze.seen}"
    if pause is None:
        return None
    excess = pause.seconds - pause.median_seconds
    waits_for_data = pause.data_wait_seconds > excess / 2  # for a loader that may wait for a disk: a finding
    idle = pause.busy_cores is not None and pause.busy_cores < IDLE_CASE_CORES and pause.gpu_busy is False
    if excess > max(PAUSE_SECONDS, PAUSE_STEPS * pause.median_seconds) and idle and not waits_for_data:
        return (
            f"step {pause.step} of rank {pause.rank} took {pause.seconds:.1f} s, a median step "
            f"{pause.median_seconds:.3g} s: meanwhile no process of the case computed; nothing was seen to stop them"
        )
    return None


def _reasons(report: MachineReport) -> Iterator[str]:
    cores = report.affinity_cores
    if report.foreign_cores is not None and report.foreign_cores > FOREIGN_FRACTION * cores and _contended(report):
        yield f"other programs used {report.foreign_cores:.2f} of {cores} cores (limit {FOREIGN_FRACTION * cores:.2f})"
    if report.pytest_cores > FOREIGN_FRACTION * cores and _contended(report):
        yield f"pytest itself used {report.pytest_cores:.2f} of {cores} cores (limit {FOREIGN_FRACTION * cores:.2f})"
    if (report.steal_fraction or 0) > STEAL_FRACTION:
        yield f"the hypervisor took {report.steal_fraction:.1%} of the cores' time (limit {STEAL_FRACTION:.0%})"
    throttled = (report.throttled_seconds or 0) / report.observed_seconds
    if throttled > THROTTLED_FRACTION and (report.throttled_period_fraction or 0) > THROTTLED_FRACTION:
        yield (
            f"a CPU quota of {_number(report.quota_cores)} cores stopped the case in "
            f"{report.throttled_period_fraction:.0%} of its periods (limit {THROTTLED_FRACTION:.0%})"
        )
    if report.freeze is not None:
        yield f"step {report.freeze.step} was held up for {report.freeze.seconds:.1f} s: {report.freeze.seen}"
    if report.stopped_fraction > STOPPED_FRACTION:
        stopped = f"{report.stopped_fraction:.0%} of the window (limit {STOPPED_FRACTION:.0%})"
        yield f"a process of the case was stopped for {stopped}"
    memory = report.pressure.memory
    # Short for whom? Other programs with a limit of their own may wait for memory that the case does not need.
    concerned = report.pressure.scope == "control_group" or report.major_faults > 0
    if memory is not None and memory.some > MEMORY_FRACTION and concerned:
        yield f"memory was short for {memory.some:.0%} of the time (limit {MEMORY_FRACTION:.0%})"
    yield from _gpu_reasons(report.gpus)


def _contended(report: MachineReport) -> bool:
    """Whether other programs can take cores from the case. On the CPU its threads want all cores."""
    idle = report.idle_cores
    return not report.gpus or idle is None or idle < IDLE_FRACTION * report.affinity_cores


def _gpu_reasons(gpus: Sequence[GpuReport]) -> Iterator[str]:
    """At most two: a case may have hundreds of GPUs. The one that is disturbed most has its figures in it."""
    slow = [each for each in gpus if (each.slowdown_fraction or 0) > SLOWDOWN_FRACTION]
    if slow:
        gpu = max(slow, key=lambda each: each.slowdown_fraction or 0)
        names = ", ".join(reason_names((gpu.clock_event_bits or 0) & SLOWDOWN).values())
        part = f"in {gpu.slowdown_fraction:.0%} of the samples (limit {SLOWDOWN_FRACTION:.0%})"
        many = f"{len(slow)} GPUs were slowed down, most of all " if len(slow) > 1 else ""
        was = "" if many else "was slowed down "
        yield f"{many}the GPU of rank {gpu.rank} {was}{part}: {names}{_clock(gpu)}"
    shared = [each for each in gpus if (each.foreign_utilisation_percent or 0) > FOREIGN_GPU_PERCENT]
    if shared:
        gpu = max(shared, key=lambda each: each.foreign_utilisation_percent or 0)
        count, memory = gpu.foreign_processes or 0, gpu.foreign_memory_bytes
        others = f"{count} other program{'s' if count > 1 else ''}"
        if memory is not None:
            others += f" with {memory / 1e9:.1f} GB"
        use = f"{gpu.foreign_utilisation_percent:.0f} % of the GPU of rank {gpu.rank}"
        more = f"; {len(shared) - 1} more GPUs were used as well" if len(shared) > 1 else ""
        yield f"{others} used {use} (limit {FOREIGN_GPU_PERCENT:.0f} %){more}"


def _clock(gpu: GpuReport) -> str:
    if gpu.sm_clock_mhz is None or not gpu.sm_clock_max_mhz:
        return ""
    return f"; its clock was {gpu.sm_clock_mhz.mean / gpu.sm_clock_max_mhz:.0%} of the highest one"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
