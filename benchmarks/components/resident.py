"""A case's training step in this process, on one batch that is already on its device: it measures the step alone."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import default_collate

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.backends import prepare_torch
from benchmarks.harness.worker.probes.flops import flops_per_sample
from benchmarks.harness.worker.set_up import rank_device
from benchmarks.harness.worker.trainer import Trainer
from ocr_models import MODELS
from ocr_models.task import Batch, TrainingTask, build_task


def resident_trainer(
    case_name: str, data: Path, image_size: int | None, memory_format: torch.memory_format | None = None
) -> tuple[Trainer, Batch]:
    """The trainer of a case, and one batch of its data on its device. Sets torch as the ranks of the case do.

    Args:
        case_name: of a case with one process.
        data: folder of the training images.
        image_size: side of the training image in pixels; not used if the model has a fixed input size.
        memory_format: of weights and inputs; by default the task's own choice.

    Raises:
        CaseError: if there is no such case.
        DataError: if the data cannot be used.
        ValueError: if the memory format of the model cannot be chosen.
        RuntimeError: if torch finds no such device.
    """
    case, task, batch = resident_task(case_name, data, image_size, memory_format)
    return Trainer(task, case, batch[0].device, Position()), batch


def resident_task(
    case_name: str, data: Path, image_size: int | None, memory_format: torch.memory_format | None = None
) -> tuple[Case, TrainingTask, Batch]:
    """The same without a trainer."""
    case = parse_case(case_name)
    prepare_torch(case)
    device = rank_device(case, local_rank=0)
    model = MODELS[case.model]
    task = build_task(
        model.load_task_builder(),
        image_size=None if model.image_sizes is None else image_size,
        seed=0,
        device=device,
        precision=case.precision,
        memory_format=memory_format,
    )
    dataset = task.make_dataset(task.read_data(data, "train"))
    samples = [dataset[index % len(dataset), index] for index in range(case.batch_size)]
    batch: Batch = tuple(tensor.to(device) for tensor in default_collate(samples))
    return case, task, batch


def flops_of_step(trainer: Trainer, batch: Batch) -> int:
    """Floating-point operations of forward and backward of a batch; a multiply-add counts two."""
    one_sample = trainer.inputs(tuple(tensor[:1] for tensor in batch))
    return len(batch[0]) * flops_per_sample(trainer.model, one_sample)
