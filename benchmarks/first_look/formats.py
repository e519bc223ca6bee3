"""The float32 step in both memory formats: which one a task should choose on this device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from benchmarks.components.compare_steps import Step, medians_in_turns
from benchmarks.components.resident import resident_trainer
from benchmarks.first_look.operations import FORMATS
from benchmarks.first_look.sizes import piece_options

ROUNDS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the milliseconds of each; half the batch, because float32 takes twice the memory."""
    options = piece_options(arguments)
    assert options.data is not None
    batch_size = max(1, options.batch_size // 2)
    name = f"{options.model}_sp_bs{batch_size}_fp32_" + ("1" if options.device == "cuda" else "cpu1")
    options.findings.add("case", name)
    steps: dict[str, Step] = {}
    for layout, label in FORMATS.items():
        try:
            trainer, batch = resident_trainer(name, options.data, options.image_side, layout)
        except ValueError as error:  # the model has one format
            options.findings.add("not compared", str(error))
            return
        steps[label] = partial(trainer.step, batch)
    count = max(1, options.sizes.repeats // ROUNDS)
    for label, time in medians_in_turns(steps, torch.device(options.device), count, ROUNDS).items():
        options.findings.add(f"fp32 step, {label}", 1e3 * time.wall, "ms")


if __name__ == "__main__":
    main()
