"""The suite's training step beside a plain one, on this machine: `python -m benchmarks.compare_steps`.

Every variant trains the same network on a batch that lies on the device. They run in turns, so that what disturbs the
machine disturbs all of them: plain fp32, then the suite's fp32 and bf16, and on a GPU compiled bf16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.cases import Case
from benchmarks.harness.clock import wait_for
from benchmarks.harness.precision import apply_precision, working_dtype
from benchmarks.harness.reports import flops_per_sample, matmul_tflops
from benchmarks.harness.trainer import resident_trainer
from benchmarks.pages import text_maps
from benchmarks.plain.step import PlainStep
from ocr_models.data.synthetic import synthetic_set
from ocr_models.psenet import PSENet

Step = Callable[[], object]

AIMS = {"fp32": "1.3 x plain", "bf16_compile": "5 x plain, 0.45 of matmul"}
"""What is aimed at on a GPU, at the default batch and image size."""


def main() -> None:
    arguments = _arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch_size, size = arguments.batch_size, arguments.image_size
    cases = _cases(device, batch_size)
    apply_precision(cases[0])  # TF32 off, for the plain step as well
    torch.backends.cudnn.benchmark = True
    data = arguments.data or synthetic_set()
    steps: dict[str, Step] = {"plain fp32": _plain_step(device, batch_size, size)}
    for case in cases:
        trainer, batch = resident_trainer(str(case), data, size)
        steps[str(case)] = lambda trainer=trainer, batch=batch: trainer.step(batch)  # type: ignore[misc]
    seconds = _timed(steps, device, arguments.steps, arguments.rounds)
    flops = flops_per_sample(PSENet(), size)
    plain = statistics.median(seconds["plain fp32"])
    print(f"{'step':<34}  samples/s  times plain  share of matmul  aimed at")
    for name, case in zip(steps, (cases[0], *cases), strict=True):
        median = statistics.median(seconds[name])
        share = flops * batch_size / median / 1e12 / matmul_tflops(device, working_dtype(case))
        aim = AIMS.get(case.variant, "") if name == str(case) and device.type == "cuda" else ""
        columns = f"{batch_size / median:>9.3f}  {plain / median:>11.3f}  {share:>15.3f}  {aim}"
        print(f"{name:<34}  {columns}".rstrip())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare_steps", description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=736, help="pixels, a multiple of 32")
    parser.add_argument("--steps", type=int, default=10, help="timed at a stretch")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each variant")
    parser.add_argument("--data", type=Path, help="folder of annotated images; the synthetic set without it")
    return parser.parse_args()


def _cases(device: torch.device, batch_size: int) -> list[Case]:
    given = {"device": device.type, "processes": 1}
    cases = [Case("psenet", "sp", batch_size, precision, **given) for precision in ("fp32", "bf16")]  # type: ignore[arg-type]
    if device.type == "cuda":
        cases.append(Case("psenet", "sp", batch_size, "bf16", compile=True))
    return cases


def _plain_step(device: torch.device, batch_size: int, size: int) -> Step:
    step = PlainStep(PSENet(), device)
    maps = [torch.from_numpy(each).long() for each in text_maps(batch_size, size)]
    batch = [each.to(device) for each in (torch.randn(batch_size, 3, size, size), *maps)]
    return lambda: step(*batch)


def _timed(steps: dict[str, Step], device: torch.device, count: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a step of each variant takes in each round, after a first round that does not count."""
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


if __name__ == "__main__":
    main()
