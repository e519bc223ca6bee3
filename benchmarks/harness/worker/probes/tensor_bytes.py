"""The exact sizes of what a training holds on its device."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from benchmarks.harness.protocol.memory_report import TensorBytes
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, TrainingTask


class Storages:
    """Counts the memory of tensors on a device, each piece of it once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._seen: set[int] = set()

    def add(self, tensors: Iterable[object]) -> int:
        """Bytes of the tensors among these whose memory was not counted before."""
        added = 0
        for each in tensors:
            if isinstance(each, Tensor) and each.device.type == self._device.type and each.layout == torch.strided:
                storage = each.untyped_storage()
                if storage.nbytes() and storage.data_ptr() not in self._seen:
                    self._seen.add(storage.data_ptr())
                    added += storage.nbytes()
        return added


def tensor_bytes(task: TrainingTask, trainer: Trainer, batch: Batch) -> TensorBytes:
    """To be called when all gradients are there. `batch` is on the device."""
    storages = Storages(trainer.device)
    modules = (task.model, task.prepare, task.criterion)
    return TensorBytes(
        parameters=storages.add(each for module in modules for each in module.parameters()),
        buffers=storages.add(each for module in modules for each in module.buffers()),
        gradients=storages.add(each.grad for each in trainer.parameters.values()),
        optimizer_state=storages.add(tree_leaves(list(trainer.optimizer.state.values()))),
        batch=storages.add((*batch, *trainer.held_batches)),
    )
