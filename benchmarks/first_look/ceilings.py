"""The limits of the device: copy, and matrix products in a burst and held, with the clock meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from benchmarks.cases import Case, Precision
from benchmarks.first_look.sizes import PieceOptions, piece_options
from benchmarks.harness.controller.machine import gpus, nvml
from benchmarks.harness.controller.machine.gpu_processes import Ours
from benchmarks.harness.controller.machine.gpu_window import GpuWindow, gpu_report
from benchmarks.harness.controller.machine.gpus import GpuSample
from benchmarks.harness.protocol.gpu_report import GpuReport, Spread
from benchmarks.harness.results.peaks import PEAKS, peak_tflops
from benchmarks.harness.worker.precision import apply_precision, working_dtype
from benchmarks.harness.worker.probes.copy_rate import copy_terabytes_per_second
from benchmarks.harness.worker.probes.environment import device_name
from benchmarks.harness.worker.probes.matmul import HELD_SECONDS, held_matmul_tflops, matmul_tflops
from benchmarks.harness.worker.set_up import gpu_address

SAMPLE_SECONDS = 0.1
SMALL_HELD_SECONDS = 0.1
MEBIBYTE = 2**20
NOT_OBSERVED = "not observed"

Done = TypeVar("Done")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the figures of this process's device."""
    options = piece_options(arguments)
    device = torch.device(options.device)
    found, name = options.findings, device_name(device)
    found.add("device", name)
    found.add("torch, CUDA, cuDNN", f"{torch.__version__}, {torch.version.cuda}, {torch.backends.cudnn.version()}")
    copied = copy_terabytes_per_second(device, MEBIBYTE if options.small else None)
    found.add("copy", copied, "TB/s")
    if name in PEAKS:
        found.add("copy / memory bandwidth of the vendor", copied / PEAKS[name].terabytes_per_second)
    precisions: tuple[Precision, ...] = ("bf16", "fp16", "tf32", "fp32") if device.type == "cuda" else ("fp32",)
    for precision in precisions:
        products(options, device, precision)


def products(options: PieceOptions, device: torch.device, precision: Precision) -> None:
    """Matrix products in one precision."""
    case = Case(options.model, "sp", 1, precision, device=options.device)
    apply_precision(case)
    dtype, found, size = working_dtype(case), options.findings, options.sizes.matmul
    burst = matmul_tflops(device, dtype, size)
    found.add(f"matmul {precision} burst", burst, "TFLOP/s")
    peak = peak_tflops(device_name(device), precision)
    if peak is not None:
        found.add(f"matmul {precision} burst / peak of the vendor", burst / peak)
    if device.type == "cuda" and precision in ("bf16", "fp32"):
        seconds = SMALL_HELD_SECONDS if options.small else HELD_SECONDS
        held, report = watched(device, lambda: held_matmul_tflops(device, dtype, burst, size, seconds))
        assert held is not None
        found.add(f"matmul {precision} held", held, "TFLOP/s")
        for name, value, unit in described(report):
            found.add(f"{name} while {precision} is held", value, unit)


def watched(device: torch.device, work: Callable[[], Done]) -> tuple[Done, GpuReport | None]:
    """What `work` returns, and how the GPU was meanwhile; None if NVML does not know it, or had no time to look."""
    gpu = nvml.gpu_at(gpu_address(device)) if nvml.initialised() else None
    if gpu is None:
        return work(), None
    samples: list[GpuSample] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            samples.append(gpus.sample(gpu, Ours(os.getpid(), set, ())))

    thread = threading.Thread(target=sample, daemon=True)
    begin = time.monotonic()
    thread.start()
    try:
        done = work()
    finally:
        ended.set()
        thread.join()
    window = GpuWindow(0, begin, time.monotonic())
    return done, gpu_report(window, samples, gpus.settings(gpu), partition=gpu.partition)


def described(report: GpuReport | None) -> Iterator[tuple[str, float | str, str]]:
    """Name, value and unit of what says why a clock is low."""
    clock, power, limit, temperature, reasons = "clock", "power", "power limit", "temperature", "clock event reasons"
    if report is None:
        yield from ((name, NOT_OBSERVED, "") for name in (clock, power, limit, temperature, reasons))
        return
    yield _range(clock, report.sm_clock_mhz, "MHz")
    yield _range(power, report.power_watts, "W")
    yield (limit, NOT_OBSERVED, "") if report.power_limit_watts is None else (limit, report.power_limit_watts, "W")
    yield _range(temperature, report.temperature_celsius, "C")
    names = ", ".join(f"{name} {100 * part:.0f} %" for name, part in report.clock_event_reasons.items())
    yield reasons, NOT_OBSERVED if report.clock_event_bits is None else names or "none", ""


def _range(name: str, spread: Spread | None, unit: str) -> tuple[str, str, str]:
    if spread is None:
        return name, NOT_OBSERVED, ""
    return name, f"{spread.mean:.0f} ({spread.min:.0f} to {spread.max:.0f})", unit


if __name__ == "__main__":
    main()
