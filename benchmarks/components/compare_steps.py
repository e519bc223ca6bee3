"""Compares the suite's training step with a baseline on this machine: `python -m benchmarks.components.compare_steps`.

Every variant trains the network of a model on a batch that is already on the device: the baseline in fp32, then the
suite in fp32 and bf16, and on a GPU in compiled bf16. They are timed in turns, so that whatever disturbs the machine
disturbs all of them. CPU seconds, of all threads of the process, hardly depend on other programs that take their share
of the processor; OMP_WAIT_POLICY=PASSIVE keeps the waiting of threads out of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.cases import Case, Device
from benchmarks.components.db.baseline import step as db_baseline
from benchmarks.components.pages import text_maps
from benchmarks.components.psenet.baseline import step as psenet_baseline
from benchmarks.components.resident import flops_of_step, resident_trainer
from benchmarks.harness.report.tables import table
from benchmarks.harness.worker.backends import prepare_torch
from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.precision import working_dtype
from benchmarks.harness.worker.probes.matmul import matmul_tflops
from ocr_models import MODELS
from ocr_models.errors import DataError
from ocr_models.psenet import PSENet

Step = Callable[[], object]

FORMATS = {torch.channels_last: "channels_last", torch.contiguous_format: "contiguous"}
"""The memory formats of --both-formats: names in the table."""


class StepTime(NamedTuple):
    """Seconds of a step: wall clock, and of the processor, summed over the threads of this process."""

    wall: float
    cpu: float


class Variant(NamedTuple):
    """A case of the suite, and the memory format of its weights and inputs; None for the task's own choice."""

    case: Case
    memory_format: torch.memory_format | None = None

    def __str__(self) -> str:
        return " ".join([str(self.case), *([FORMATS[self.memory_format]] if self.memory_format else [])])


BASELINE = "baseline fp32"
GPU_TARGETS = {"psenet": {"fp32": "1.3 x baseline", "bf16_compile": "5 x baseline, 0.28 of matmul"}}
"""Model -> variant -> target on a GPU, at the default batch and image size. DB has none yet."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0; 2 if the options or the data cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    sizes = MODELS[options.model].image_sizes
    assert sizes is not None
    options.image_size = options.image_size or sizes.cuda
    if not sizes.accepts(options.image_size):
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
    model, batch_size, size = options.model, options.batch_size, options.image_size
    variants = suite_variants(model, device, batch_size, both_formats=options.both_formats)
    prepare_torch(variants[0].case)  # TF32 off, for the baseline too
    data = options.data or MODELS[model].make_synthetic_data()
    steps: dict[str, Step] = {BASELINE: BASELINE_STEPS[model](device, batch_size, size)}
    trainers = {str(each): resident_trainer(str(each.case), data, size, each.memory_format) for each in variants}
    steps |= {name: partial(trainer.step, batch) for name, (trainer, batch) in trainers.items()}
    medians = medians_in_turns(steps, device, options.steps, options.rounds)
    step_flops = flops_of_step(*trainers[str(variants[0])])
    rows = [("step", "samples/s", "times baseline", "CPU s/step", "CPU / baseline", "matmul fraction", "target")]
    for name, (case, memory_format) in zip(steps, (variants[0], *variants), strict=True):
        wall, cpu = medians[name]
        fraction = step_flops / wall / 1e12 / matmul_tflops(device, working_dtype(case))
        has_target = name != BASELINE and device.type == "cuda" and memory_format is None
        rows.append(
            (
                name,
                f"{batch_size / wall:.3f}",
                f"{medians[BASELINE].wall / wall:.3f}",
                f"{cpu:.3f}",
                f"{cpu / medians[BASELINE].cpu:.3f}",
                f"{fraction:.3f}",
                GPU_TARGETS.get(model, {}).get(case.variant, "") if has_target else "",
            )
        )
    return table(rows, numeric=(1, 2, 3, 4, 5))


def suite_variants(model: str, device: torch.device, batch_size: int, *, both_formats: bool = False) -> list[Variant]:
    """The steps that are compared with the baseline; the first is fp32 in the format that its task chooses."""
    cases = suite_cases(model, device, batch_size)
    eager = [case for case in cases if both_formats and not case.compile]
    return [*map(Variant, cases), *(Variant(case, memory_format) for case in eager for memory_format in FORMATS)]


def suite_cases(model: str, device: torch.device, batch_size: int) -> list[Case]:
    """The cases whose steps are compared with the baseline; the first is fp32."""
    on: Device = "cuda" if device.type == "cuda" else "cpu"
    cases = [
        Case(model, "sp", batch_size, "fp32", device=on),
        Case(model, "sp", batch_size, "bf16", device=on),
    ]
    if on == "cuda":
        cases.append(Case(model, "sp", batch_size, "bf16", compile=True))
    return cases


def medians_in_turns(steps: dict[str, Step], device: torch.device, count: int, rounds: int) -> dict[str, StepTime]:
    """The time of each step, wall clock and CPU seconds each the median of the rounds, as `seconds_in_turns`."""
    timed = seconds_in_turns(steps, device, count, rounds)
    return {name: StepTime(*map(statistics.median, zip(*times, strict=True))) for name, times in timed.items()}


def seconds_in_turns(
    steps: dict[str, Step], device: torch.device, count: int, rounds: int
) -> dict[str, list[StepTime]]:
    """Time per step of each variant in each round, after one round that is not counted.

    In a round each variant takes `count` steps; only before and after them the host waits for the device.
    """
    seconds: dict[str, list[StepTime]] = {name: [] for name in steps}
    for round_number in range(rounds + 1):
        for name, step in steps.items():
            wait_for(device)
            start, cpu_start = time.perf_counter(), time.process_time()
            for _ in range(count):
                step()
            wait_for(device)
            if round_number:
                wall, cpu = time.perf_counter() - start, time.process_time() - cpu_start
                seconds[name].append(StepTime(wall / count, cpu / count))
    return seconds


def _psenet_step(device: torch.device, batch_size: int, size: int) -> Step:
    maps = [torch.from_numpy(each).long() for each in text_maps(batch_size, size)]
    batch = [torch.randn(batch_size, 3, size, size), *maps]
    return partial(psenet_baseline.BaselineStep(PSENet(), device), *_on(device, batch))


def _db_step(backbone: str, device: torch.device, batch_size: int, size: int) -> Step:
    step = db_baseline.BaselineStep(db_baseline.BaselineDBNet(backbone), device)
    return partial(step, *_on(device, db_baseline.example_batch(batch_size, size)))


def _on(device: torch.device, batch: Sequence[Tensor]) -> list[Tensor]:
    return [each.to(device) for each in batch]


BASELINE_STEPS: dict[str, Callable[[torch.device, int, int], Step]] = {
    "psenet": _psenet_step,
    "dbr50": partial(_db_step, "resnet50"),
    "dbr18": partial(_db_step, "resnet18"),
}
"""Model -> its baseline's step on the device, for a batch size and an image size."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.components.compare_steps", description=(__doc__ or "").partition(":")[0]
    )
    names = ", ".join(BASELINE_STEPS)
    parser.add_argument("--model", choices=list(BASELINE_STEPS), default="psenet", metavar="MODEL", help=names)
    parser.add_argument("--batch-size", type=_positive, default=16)
    parser.add_argument(
        "--image-size", type=int, help="pixels, a multiple of 32; default: as in the model's GPU cases, 736 or 640"
    )
    parser.add_argument("--steps", type=_positive, default=10, help="steps of each variant per round")
    parser.add_argument("--rounds", type=_positive, default=5, help="timed rounds")
    parser.add_argument(
        "--both-formats",
        action="store_true",
        help="eager steps in both memory formats, too",
    )
    parser.add_argument("--data", type=Path, help="folder of the model's data; by default the synthetic set")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
