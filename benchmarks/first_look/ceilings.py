"""The limits of the device: copy, and matrix products in a burst and held, with the clock meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pynvml
import torch

from benchmarks.cases import Case, Precision
from benchmarks.first_look.sizes import PieceOptions, piece_options
from benchmarks.harness.results.peaks import PEAKS, peak_tflops
from benchmarks.harness.worker.precision import apply_precision, working_dtype
from benchmarks.harness.worker.probes import copy_rate, matmul
from benchmarks.harness.worker.probes.environment import device_name

SAMPLE_SECONDS = 0.2
MEBIBYTE = 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the figures of this process's device."""
    options = piece_options(arguments)
    device = torch.device(options.device)
    found, name = options.findings, device_name(device)
    found.add("device", name)
    found.add("torch, CUDA, cuDNN", f"{torch.__version__}, {torch.version.cuda}, {torch.backends.cudnn.version()}")
    if options.small:  # in this process, which measures nothing else
        matmul.SIZE[options.device] = matmul.PROBE_SIZE = options.sizes.matmul
        matmul.HELD_SECONDS = 0.1
        copy_rate.CUDA_BYTES = copy_rate.CPU_BYTES = MEBIBYTE
    copied = copy_rate.copy_terabytes_per_second(device)
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
    dtype, found = working_dtype(case), options.findings
    burst = matmul.matmul_tflops(device, dtype)
    found.add(f"matmul {precision} burst", burst, "TFLOP/s")
    peak = peak_tflops(device_name(device), precision)
    if peak is not None:
        found.add(f"matmul {precision} burst / peak of the vendor", burst / peak)
    if device.type == "cuda" and precision in ("bf16", "fp32"):
        with gpu_states(device) as states:
            held = matmul.held_matmul_tflops(device, dtype, burst)
        assert held is not None
        found.add(f"matmul {precision} held", held, "TFLOP/s")
        for index, (quantity, unit) in enumerate((("clock", "MHz"), ("power", "W"), ("temperature", "C"))):
            if values := [value for state in states if (value := state[index]) is not None]:
                found.add(f"{quantity} while held, last and lowest", f"{values[-1]:.0f}, {min(values):.0f}", unit)


@contextmanager
def gpu_states(device: torch.device) -> Iterator[list[tuple[float | None, ...]]]:
    """Clock, power and temperature a few times a second, in a thread; a value that the driver lacks is None."""
    states: list[tuple[float | None, ...]] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            states.append(_gpu_state(device))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield states
    finally:
        ended.set()
        thread.join()


def _gpu_state(device: torch.device) -> tuple[float | None, ...]:
    return tuple(_value(function, device) for function in (torch.cuda.clock_rate, _watts, torch.cuda.temperature))


def _watts(device: torch.device) -> float:
    return torch.cuda.power_draw(device) / 1000


def _value(function: object, device: torch.device) -> float | None:
    try:
        return float(function(device))  # type: ignore[operator]
    except (pynvml.NVMLError, RuntimeError, AttributeError):
        return None


if __name__ == "__main__":
    main()
