"""Memory formats and sizes of the tensors of a step on the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.components.resident import resident_trainer
from benchmarks.harness.worker.probes.memory_format import memory_format

FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format, "own": None}


class LargestTensor(TorchDispatchMode):
    """Notes the most bytes of any result of an operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self.shape: tuple[int, ...] = ()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for each in tree_leaves(results):
            if isinstance(each, Tensor) and each.numel() * each.element_size() > self.bytes:
                self.bytes, self.shape = each.numel() * each.element_size(), tuple(each.shape)
        return results


def formats(case: str, data: str, image_size: int, chosen: str) -> dict[str, str | None]:
    """What the tensors of a step have: weights, inputs, gradients, and what the optimizer holds."""
    trainer, batch = resident_trainer(case, Path(data), image_size, FORMATS[chosen])
    trainer.step(batch, keep_gradients=True)
    held = [each for state in trainer.optimizer.state.values() for each in state.values()]
    parts = {
        "weights": [*trainer.model.parameters()],
        "inputs": tree_leaves(trainer.inputs(batch)),
        "gradients": trainer.seen.gradients,
        "optimizer": held,
    }
    return {name: memory_format(values) for name, values in parts.items()}


def largest(case: str, data: str, image_size: int) -> dict[str, Any]:
    """The largest tensor of a step, forward and backward."""
    trainer, batch = resident_trainer(case, Path(data), image_size)
    with LargestTensor() as found:
        trainer.backward(batch)
    return {"bytes": found.bytes, "shape": list(found.shape)}
