"""Compares the suite's training step with a baseline on this machine: `python -m benchmarks.components.compare_steps`.

Every variant trains the same network on a batch that is already on the device: the baseline in fp32, then the suite in
fp32 and bf16, and on a GPU in compiled bf16. They are timed in turns, so that whatever disturbs the machine disturbs
all of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.cases import Case, Device
from benchmarks.components.baseline.step import BaselineStep
from benchmarks.components.pages import text_maps
from benchmarks.components.resident import resident_trainer
from benchmarks.harness.report.tables import table
from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.precision import apply_precision, working_dtype
from benchmarks.harness.worker.probes.flops import flops_per_sample
from benchmarks.harness.worker.probes.matmul import matmul_tflops
from ocr_models import MODELS
from ocr_models.errors import DataError
from ocr_models.psenet import PSENet

Step = Callable[[], object]

BASELINE = "baseline fp32"
GPU_TARGETS = {"fp32": "1.3 x baseline", "bf16_compile": "5 x baseline, 0.28 of matmul"}
"""Variant -> target on a GPU, at the default batch and image size."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0; 2 if the options or the data cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    sizes = MODELS["psenet"].image_sizes
    if sizes is not None and not sizes.accepts(options.image_size):
        parser.error(f"argument --image-size: {options.image_size} is not {sizes.rule}")
    try:
        lines = compared(default_device(), options)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    return 0


def default_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compared(device: torch.device, options: argparse.Namespace) -> list[str]:
    """Time all variants in turns -> a table with a row per variant."""
    batch_size, size = options.batch_size, options.image_size
    cases = suite_cases(device, batch_size)
    apply_precision(cases[0])  # TF32 off, for the baseline too
    torch.backends.cudnn.benchmark = True
    data = options.data or MODELS["psenet"].make_synthetic_data()
    steps: dict[str, Step] = {BASELINE: _baseline_step(device, batch_size, size)}
    steps |= {str(case): _suite_step(case, data, size) for case in cases}
    timed = seconds_in_turns(steps, device, options.steps, options.rounds)
    medians = {name: statistics.median(seconds) for name, seconds in timed.items()}
    step_flops = batch_size * flops_per_sample(PSENet(), (3, size, size))
    rows = [("step", "samples/s", "times baseline", "matmul fraction", "target")]
    for name, case in zip(steps, (cases[0], *cases), strict=True):
        fraction = step_flops / medians[name] / 1e12 / matmul_tflops(device, working_dtype(case))
        has_target = name != BASELINE and device.type == "cuda"
        rows.append(
            (
                name,
                f"{batch_size / medians[name]:.3f}",
                f"{medians[BASELINE] / medians[name]:.3f}",
                f"{fraction:.3f}",
                GPU_TARGETS.get(case.variant, "") if has_target else "",
            )
        )
    return table(rows, numeric=(1, 2, 3))


def suite_cases(device: torch.device, batch_size: int) -> list[Case]:
    """The cases whose steps are compared with the baseline; the first is fp32."""
    on: Device = "cuda" if device.type == "cuda" else "cpu"
    cases = [
        Case("psenet", "sp", batch_size, "fp32", device=on),
        Case("psenet", "sp", batch_size, "bf16", device=on),
    ]
    if on == "cuda":
        cases.append(Case("psenet", "sp", batch_size, "bf16", compile=True))
    return cases


def seconds_in_turns(steps: dict[str, Step], device: torch.device, count: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per step of each variant in each round, after one round that is not counted.

    In a round each variant takes `count` steps; only before and after them the host waits for the device.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(rounds + 1):
        for name, step in steps.items():
            wait_for(device)
            start = time.perf_counter()
            for _ in range(count):
                step()
            wait_for(device)
            if round_number:
                seconds[name].append((time.perf_counter() - start) / count)
    return seconds


def _baseline_step(device: torch.device, batch_size: int, size: int) -> Step:
    step = BaselineStep(PSENet(), device)
    maps = [torch.from_numpy(each).long() for each in text_maps(batch_size, size)]
    batch = [each.to(device) for each in (torch.randn(batch_size, 3, size, size), *maps)]
    return lambda: step(*batch)


def _suite_step(case: Case, data: Path, size: int) -> Step:
    trainer, batch = resident_trainer(str(case), data, size)
    return lambda: trainer.step(batch)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.components.compare_steps", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--batch-size", type=_positive, default=16)
    parser.add_argument("--image-size", type=int, default=736, help="pixels, a multiple of 32")
    parser.add_argument("--steps", type=_positive, default=10, help="steps of each variant per round")
    parser.add_argument("--rounds", type=_positive, default=5, help="timed rounds")
    parser.add_argument("--data", type=Path, help="folder of annotated images; by default the synthetic set")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
