"""One training step in bf16 on a GPU, else in fp32: its parts, its kernels, and what made the host wait."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import profile

from benchmarks.components.resident import resident_task
from benchmarks.first_look.findings import FindingsFile
from benchmarks.first_look.sizes import piece_options
from benchmarks.first_look.timing import WARM_UP_CALLS, seconds_per_call
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.trace_file import write_trace
from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.probes.trace import traced
from benchmarks.harness.worker.probes.work import eager_step
from benchmarks.harness.worker.profiling.analysis import device_work
from benchmarks.harness.worker.profiling.events import read_events
from benchmarks.harness.worker.profiling.recording import activities, export, stripped
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, TrainingTask

PROFILED_STEPS = 3
KERNELS = 60
Border = tuple[float, torch.cuda.Event | None]
"""A time of the host in seconds, and an event of the device; None on the CPU."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the figures, then the files."""
    options = piece_options(arguments)
    assert options.data is not None
    name = f"{options.model}_sp_bs{options.batch_size}_" + ("bf16_1" if options.device == "cuda" else "fp32_cpu1")
    case, task, batch = resident_task(name, options.data, options.image_side)
    trainer = Trainer(task, case, batch[0].device, Position())
    found, device = options.findings, trainer.device
    found.add("case", name)
    seconds = seconds_per_call(lambda: trainer.step(batch), device, options.sizes.repeats)
    found.add("step", 1e3 * seconds, "ms")
    found.add("samples per second without a loader", case.batch_size / seconds)
    if device.type == "cuda":
        found.add("peak memory allocated", torch.cuda.max_memory_allocated() / 1e9, "GB")
    parts(task, trainer, batch, options.sizes.repeats, found)
    profiled(trainer, batch, options.folder, found)
    if device.type == "cuda":
        waits(trainer, batch, found)  # last: what it observes stays observed


class PartTimes:
    """Times of the host and, by events, of the device at the borders of each part of a step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._borders: dict[str, tuple[Border, Border]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """The block is this part."""
        begin = self._border()
        yield
        self._borders[name] = begin, self._border()

    def milliseconds(self) -> dict[str, tuple[float, float]]:
        """Name of a part -> milliseconds of the device and of the host; on the CPU they are the same."""
        wait_for(self._device)
        found = {}
        for name, ((begun, begin), (ended, end)) in self._borders.items():
            host = 1e3 * (ended - begun)
            found[name] = (host if begin is None or end is None else begin.elapsed_time(end), host)
        return found

    def _border(self) -> Border:
        if self._device.type == "cpu":
            return time.perf_counter(), None
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return time.perf_counter(), event


def parts(task: TrainingTask, trainer: Trainer, batch: Batch, repeats: int, found: FindingsFile) -> None:
    """Median milliseconds of each part. The GPU is idle before a step, so the host's times contain no waiting."""
    taken = [_step_in_parts(task, trainer, batch) for _ in range(WARM_UP_CALLS + repeats)][WARM_UP_CALLS:]
    for name in taken[0]:
        device, host = (statistics.median(each[name][which] for each in taken) for which in (0, 1))
        if trainer.device.type == "cuda":
            found.add(f"{name}, device", device, "ms")
        found.add(f"{name}, host", host, "ms")
    total = statistics.median(sum(host for _, host in each.values()) for each in taken)
    found.add("all parts, host", total, "ms")


def _step_in_parts(task: TrainingTask, trainer: Trainer, batch: Batch) -> dict[str, tuple[float, float]]:
    wait_for(trainer.device)
    times = PartTimes(trainer.device)
    eager_step(task, trainer, batch, times.part)
    return times.milliseconds()


def profiled(trainer: Trainer, batch: Batch, folder: Path, found: FindingsFile) -> None:
    """Kernels per step, a table of them, and a trace for chrome://tracing or Perfetto."""
    cuda = trainer.device.type == "cuda"
    with profile(activities=activities(trainer.device), record_shapes=True) as profiler:
        for _ in range(PROFILED_STEPS):
            trainer.step(batch)
        wait_for(trainer.device)
    averages, trace = profiler.key_averages(), export(profiler.export_chrome_trace, folder)
    if cuda:
        count, busy = device_work(read_events(trace))
        found.add("kernels and copies per step", count / PROFILED_STEPS)
        found.add("device busy per step", busy / PROFILED_STEPS, "ms")
    table = averages.table(
        sort_by="self_device_time_total" if cuda else "self_cpu_time_total",
        row_limit=KERNELS,
        max_name_column_width=120,
    )
    (folder / "kernels.txt").write_text(redact(table), encoding="utf-8")
    found.add("kernel table", "kernels.txt")
    write_trace(stripped(trace), folder / "trace.json.gz")
    found.add("trace", "trace.json.gz")


def waits(trainer: Trainer, batch: Batch, found: FindingsFile) -> None:
    """Calls that made the host wait, counted as in a case; the log names them."""

    def steps() -> None:
        for _ in range(PROFILED_STEPS):
            trainer.step(batch)

    count = traced(steps, trainer.device)
    name = f"calls that made the host wait in {PROFILED_STEPS} steps"
    found.add(name, "not observed" if count is None else count)


if __name__ == "__main__":
    main()
