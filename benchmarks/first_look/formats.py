"""The float32 step in both memory formats: which one a task should choose on this device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from benchmarks.components.resident import resident_task
from benchmarks.first_look.sizes import piece_options
from benchmarks.first_look.timing import seconds_per_call
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.trainer import Trainer


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the milliseconds of each; half the batch, because float32 takes twice the memory."""
    options = piece_options(arguments)
    assert options.data is not None
    torch.backends.cudnn.benchmark = True
    batch_size = max(1, options.sizes.batch // 2)
    name = f"{options.model}_sp_bs{batch_size}_fp32_" + ("1" if options.device == "cuda" else "cpu1")
    case, task, batch = resident_task(name, options.data, options.sizes.pixels)
    options.findings.add("case", name)
    for label, layout in (("channels_last", torch.channels_last), ("planes", torch.contiguous_format)):
        task.model.to(memory_format=layout)
        trainer = Trainer(task, case, batch[0].device, Position())
        # The gradients of the other format are gone, and the momentum follows its weights.
        for state in task.optimizer.state.values():
            for key, value in state.items():
                if isinstance(value, torch.Tensor) and value.dim() == 4:
                    state[key] = value.contiguous(memory_format=layout)
        seconds = seconds_per_call(partial(trainer.step, batch), trainer.device, options.sizes.repeats)
        options.findings.add(f"fp32 step, {label}", 1e3 * seconds, "ms")


if __name__ == "__main__":
    main()
