"""Sections that every case has, whatever was measured: how it failed, the machine, the data, how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from benchmarks.harness.protocol.gpu_report import GpuReport, Spread
from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.protocol.reports import Environment
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import MISSING, amount, percent, share, shown
from benchmarks.harness.report.page.sections import Cell, KeyFigure, Lines, Note, Section, Table
from benchmarks.harness.results.artifact import MeasuredDetails, PlanDetails, UnfinishedDetails
from benchmarks.harness.results.common import details_of
from ocr_models import MODELS

UNITS = {"GiB": 2**30, "MiB": 2**20}


def cause_section(case: ShownCase) -> Section:
    """Why a case failed; empty for a good case."""
    failure = case.failure
    if failure is None:
        return Section("What failed")
    rank = "" if failure.rank is None else f" (rank {failure.rank})"
    return Section("What failed", notes=[Note(f"{failure.kind}{rank}: {failure.message}", "bad")])


def failure_section(case: ShownCase) -> Section:
    """A failed case in the list of failures: its cause, the command that repeats it, and the end of its train log."""
    notes, texts, tail = [*cause_section(case).notes], [], case.log_tail()
    if case.failure is not None and case.failure.kind == "timeout":
        notes.append(Note("If the case is slow and does not hang, give it more SECONDS than it had.", "muted"))
    if isinstance(details_of(case.artifact), PlanDetails):
        texts.append(Lines("To repeat it", [repeat_command(case)], wrapped=True))
    if tail:
        texts.append(Lines(f"The last lines of {case.train_log.name}", tail))
    return Section(f"{case.name}, {case.measurement.name}", notes=notes, texts=texts)


def machine_section(machine: MachineDetails | None, gpus: int) -> Section:
    """What the machine did during the measured steps."""
    heading = "Machine during the measured steps"
    if machine is None:
        return Section(heading, notes=[Note("The machine was not observed.", "warning")])
    notes = [Note(reason, "warning") for reason in machine.reasons]
    if not notes:
        notes = [Note("Quiet: nothing that was observed disturbed the steps.")]
    if len(machine.gpus) < gpus:
        notes.append(Note(f"{gpus - len(machine.gpus)} of {gpus} GPUs were not observed.", "warning"))
    cores = f"{machine.available_cores:g}"
    figures = [
        KeyFigure("CPU used by the case", percent(machine.case_cpu_fraction), f"of {cores} cores"),
        KeyFigure("Other programs", _cores(machine.foreign_cores), "mean"),
        KeyFigure("Idle", _cores(machine.idle_cores), "mean"),
    ]
    if machine.steal_fraction:
        figures.append(KeyFigure("Taken by the hypervisor", percent(machine.steal_fraction), "of the cores' time"))
    if machine.throttled_period_fraction:
        figures.append(KeyFigure("Stopped by the quota", percent(machine.throttled_period_fraction), "of its periods"))
    if machine.longest_pause is not None:
        pause = machine.longest_pause
        where = f"step {pause.step}, rank {pause.rank}"
        figures.append(KeyFigure("Longest step", shown(pause.seconds, "s"), where))
    tables = [_gpu_table(machine.gpus)] if machine.gpus else []
    return Section(heading, figures=figures, notes=notes, tables=tables)


def _cores(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} cores"


def _gpu_table(gpus: Sequence[GpuReport]) -> Table:
    headings = (
        "rank",
        "clock, mean (MHz)",
        "clock, lowest",
        "clock, highest possible",
        "power, mean (W)",
        "power limit (W)",
        "temperature, highest (°C)",
        "kernels run (% of time)",
        "slowed down (% of samples)",
        "what set the clock",
        "other programs on it",
    )
    return Table("GPUs in the measured steps", headings, [_gpu_row(gpu) for gpu in gpus])


def _gpu_row(gpu: GpuReport) -> list[Cell | str]:
    slowdown = gpu.slowdown_fraction
    return [
        amount(gpu.rank, str(gpu.rank)),
        _of(gpu.sm_clock_mhz, "mean"),
        _of(gpu.sm_clock_mhz, "min"),
        amount(gpu.sm_clock_max_mhz),
        _of(gpu.power_watts, "mean"),
        amount(gpu.power_limit_watts),
        _of(gpu.temperature_celsius, "max"),
        _of(gpu.utilisation_percent, "mean"),
        share(slowdown, "warning" if slowdown else ""),
        ", ".join(f"{name} {percent(part)}" for name, part in gpu.clock_event_reasons.items()) or "-",
        amount(gpu.foreign_processes, tone="warning" if gpu.foreign_processes else ""),
    ]


def _of(spread: Spread | None, which: str) -> Cell:
    return MISSING if spread is None else amount(getattr(spread, which))


def run_section(case: ShownCase) -> Section:
    """What was trained, and the command that repeats it."""
    details = details_of(case.artifact)
    if not isinstance(details, PlanDetails):
        return Section("Where it is from", notes=[Note(f"Made from the log {case.artifact.log_file}, not from a run.")])
    rows: list[tuple[str, str]] = [
        ("started (UTC)", f"{details.started_at:%Y-%m-%d %H:%M:%S}"),
        ("processes x samples", f"{details.processes} x {details.batch_size_per_process}"),
        ("nodes", str(details.nodes)),
        ("threads per process", str(details.threads_per_process)),
        ("steps", f"{details.warmup_steps} of warm-up, {details.measured_steps} measured"),
        ("image size", "fixed by the model" if details.image_size is None else f"{details.image_size} pixels"),
        ("loader processes", str(details.loader_workers_per_process)),
        ("seed", str(details.seed)),
        ("data", details.data_source),
        ("train log", f"train_log/{case.train_log.name}"),
        ("run", details.run_id),
    ]
    notes: list[Note] = []
    if isinstance(details, UnfinishedDetails):
        rows.append(("steps done", f"{details.steps_done} of {details.warmup_steps + details.measured_steps}"))
        rows.append(("launch to end", shown(details.total_seconds, "s")))
    if isinstance(details, MeasuredDetails):
        rows.append(("launch to end", shown(details.total_seconds, "s")))
        excluded = [f"{number} left out: {reason}" for reason, number in details.data.excluded.items()]
        rows.append(("training images", "; ".join([shown(details.data.images), *excluded])))
        rows.append(("revision", revision(details.environment) or "not known"))
        rows.append(("memory format", details.memory_format or "none"))
        precision = details.precision
        rows.append(("precision", f"matmul {precision.matmul}, convolution {precision.convolution}"))
        notes = [Note(text) for text in (*details.notes, *details.data.remarks)]
        notes += [
            Note(f"Ranks differ in {name}: {'; '.join(values)}", "warning")
            for name, values in details.rank_differences.items()
        ]
    table = Table("Settings and data", ("", ""), rows)
    return Section(
        "The run", notes=notes, tables=[table], texts=[Lines("To repeat it", [repeat_command(case)], wrapped=True)]
    )


def _size(limit: int, sharing: int) -> str:
    """The shortest text that the option takes so that each process may have `limit` bytes, such as 1.4GiB."""
    total = limit * sharing
    texts = (f"{total / unit:.{digits}f}{name}" for digits in range(7) for name, unit in UNITS.items())
    exact = (text for text in texts if int(float(text[:-3]) * UNITS[text[-3:]]) // sharing == limit)
    return next(exact, f"{total / 2**20:.6f}MiB")


def revision(environment: Environment) -> str:
    """The commit of the suite, shortened; empty if it is not known."""
    if environment.git_commit is None:
        return ""
    return environment.git_commit[:12] + (" with changes" if environment.git_dirty else "")


def repeat_command(case: ShownCase) -> str:
    """The command that takes the measurement again, with the options that decide what is measured."""
    details = details_of(case.artifact)
    assert isinstance(details, PlanDetails)
    words = ["pytest", "benchmarks", "--ocr-case", details.case, "-m", case.measurement.name]
    words += ["--ocr-steps", str(details.measured_steps)]
    if details.warmup_steps_requested is not None:
        words += ["--ocr-warmup", str(details.warmup_steps_requested)]
    if details.image_size is not None:
        words += ["--ocr-image-size", str(details.image_size)]
    words += ["--ocr-loader-workers", str(details.loader_workers_per_process)]
    if details.data_source == "files":
        model = MODELS.get(details.case.partition("_")[0])
        words += ["--ocr-words" if model is not None and model.data == "words" else "--ocr-data", "FOLDER"]
    if details.image_cache != "none":
        words += ["--ocr-image-cache", details.image_cache]
    if details.compile_mode not in (None, "default"):
        words += ["--ocr-compile-mode", str(details.compile_mode)]
    if details.seed:
        words += ["--ocr-seed", str(details.seed)]
    if case.failure is not None and case.failure.kind == "timeout":
        words += ["--ocr-timeout", "SECONDS"]
    if getattr(details, "memory_limit_source", None) == "option":  # of a search, finished or not
        sharing = 1 if case.artifact.gpu_num else details.processes  # on the CPU the option is for all of them
        words += ["--ocr-memory-limit", _size(getattr(details, "memory_limit_bytes", 0), sharing)]
    return shlex.join(words)
