"""Times a case's step and a large matrix product in turns: `python -m benchmarks.components.step_rate`.

It needs a process of its own because it must run in the environment of a rank. Prints a `StepTimes` as JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from benchmarks.components.ratios import timed_in_turns
from benchmarks.components.resident import flops_of_step, resident_trainer
from benchmarks.harness.protocol.machine import available_cores
from benchmarks.harness.worker.probes.matmul import SIZE

MAX_SECONDS = 60.0  # a busy machine gets fewer rounds


class StepTimes(Struct, frozen=True):
    """Seconds of a training step and of a float32 matrix product in each round, and the operations of each.

    Attributes:
        step_seconds, matmul_seconds: one number per round.
        step_flops, matmul_flops: floating-point operations; a multiply-add counts two.
    """

    step_seconds: list[float]
    matmul_seconds: list[float]
    step_flops: int
    matmul_flops: int

    @classmethod
    def read(cls, output: bytes) -> StepTimes:
        """Raises msgspec.DecodeError if it is not the output of this command."""
        return msgspec.json.decode(output, type=cls)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(available_cores())
    times = step_times(options.case, options.data, options.pixels, options.rounds)
    print(msgspec.json.encode(times).decode())


def step_times(case_name: str, data: Path, pixels: int, rounds: int) -> StepTimes:
    """Time the step of a case with one process on training images of `pixels` x `pixels`; raises as resident_trainer.

    Reading a value makes both wait for a GPU.
    """
    trainer, batch = resident_trainer(case_name, data, pixels)
    size = SIZE[trainer.device.type]
    a, b = torch.randn(2, size, size, device=trainer.device)
    product = torch.empty_like(a)
    step_seconds, matmul_seconds = timed_in_turns(
        lambda: trainer.step(batch)["loss"].item(),
        lambda: torch.matmul(a, b, out=product)[0, 0].item(),
        rounds=rounds,
        max_seconds=MAX_SECONDS,
    )
    return StepTimes(step_seconds, matmul_seconds, flops_of_step(trainer, batch), matmul_flops=2 * size**3)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.components.step_rate", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("case", metavar="CASE", help="a case with one process")
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of the model's data")
    parser.add_argument("pixels", metavar="PIXELS", type=int, help="side of the training image")
    parser.add_argument(
        "rounds", metavar="ROUNDS", type=int, help="timed calls of each, fewer if they take over a minute"
    )
    return parser


if __name__ == "__main__":
    main()
