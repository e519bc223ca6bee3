"""One rank's training: the task of a case made ready on its device, and the step that is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, default_collate

from benchmarks.cases import Case, parse_case
from benchmarks.harness.clock import StepClock
from benchmarks.harness.liveness import Position
from benchmarks.harness.precision import apply_precision, autocast, gradient_scaler
from benchmarks.harness.settings import Plan
from ocr_models import MODELS
from ocr_models.data.icdar2015 import read_annotated_set
from ocr_models.data.sampler import EndlessSampler
from ocr_models.task import Batch, TrainingStep, TrainingTask

PREFETCHED_BATCHES = 2  # of each loader process


class NonFiniteLossError(ArithmeticError):
    """A loss that is not a number: what follows would be a measurement of nothing."""


class Trainer:
    """The measured step: batch to device, forward, loss, backward, optimiser, without waiting for the device.

    With a schedule, the learning rate is moved on after each step.
    """

    def __init__(
        self,
        task: TrainingTask,
        case: Case,
        device: torch.device,
        position: Position,
        schedule: LRScheduler | None = None,
    ) -> None:
        self.case = case
        self.device = device
        self.position = position
        self.model = task.model
        self.prepare = task.prepare
        self.optimizer = task.optimizer
        self.schedule = schedule
        self.rates: list[float] = []  # the learning rate of each step
        self.scaler = gradient_scaler(case)
        module: nn.Module = TrainingStep(task)
        if case.mode == "mp":
            module = DistributedDataParallel(
                module,
                device_ids=[device] if device.type == "cuda" else None,
                broadcast_buffers=False,  # batch statistics are each rank's own; the parameters are what must agree
                gradient_as_bucket_view=True,
            )
            module._set_ddp_runtime_logging_sample_rate(2**30)  # its statistics would make the host wait for the GPU
        self._losses: Callable[[Batch], dict[str, Tensor]] = (
            torch.compile(module, dynamic=False) if case.compile else module
        )

    def step(self, batch: Batch) -> dict[str, Tensor]:
        losses = self.backward(batch)
        self.position.stage = "optimizer"
        self.rates.append(self.optimizer.param_groups[0]["lr"])
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.schedule is not None:
            self.schedule.step()
        return losses

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        """The step but for its optimiser: the gradients, times the scaler's factor, lie in the parameters."""
        self.position.stage = "forward"
        batch = tuple(tensor.to(self.device, non_blocking=True) for tensor in batch)
        with autocast(self.case):
            losses = self._losses(batch)
        self.position.stage = "backward"
        self.scaler.scale(losses["loss"]).backward()
        return losses

    def targets(self, batch: Batch) -> Any:
        """What a step on this batch is to learn."""
        return self.prepare(tuple(tensor.to(self.device) for tensor in batch))[1]

    def run(self, batches: Iterator[Batch], steps: int, clock: StepClock) -> None:
        for _ in range(steps):
            self.position.step += 1
            self.position.stage = "data"
            batch = next(batches)
            clock.batch_arrived()
            clock.step_done(len(batch[0]), self.step(batch))


def resident_trainer(case_name: str, data: Path, image_size: int) -> tuple[Trainer, Batch]:
    """A case's trainer in this process, and one batch of its data on its device: for measuring the step alone."""
    case = parse_case(case_name)
    device = rank_device(case, 0)
    apply_precision(case)
    images = read_annotated_set(data).images
    task = MODELS[case.model].load_task_builder()(images, image_size=image_size, seed=0, device=device)
    samples = [task.dataset[index % len(images), index] for index in range(case.batch_size)]
    batch: Batch = tuple(tensor.to(device) for tensor in default_collate(samples))
    return Trainer(task, case, device, Position()), batch


def make_loader(task: TrainingTask, case: Case, plan: Plan, rank: int, steps_done: int = 0) -> DataLoader[Batch]:
    """One endless stream of batches: no epoch ends, and so no worker starts, inside the measured window."""
    sampler = EndlessSampler(
        len(task.dataset),
        seed=plan.seed,
        rank=rank,
        world_size=case.processes,
        start=steps_done * case.batch_size,
    )
    return DataLoader(
        task.dataset,  # type: ignore[arg-type]
        batch_size=case.batch_size_per_process,
        sampler=sampler,
        num_workers=plan.workers,
        persistent_workers=plan.workers > 0,
        prefetch_factor=PREFETCHED_BATCHES if plan.workers else None,
        pin_memory=case.device == "cuda",
        multiprocessing_context="fork" if plan.workers else None,  # they use neither CUDA nor threads of their parent
        worker_init_fn=_single_threaded,
    )


def _single_threaded(_: int) -> None:
    """A loader process works on one sample on one core; more threads would take turns on the same cores."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def rank_device(case: Case, local_rank: int) -> torch.device:
    """The device of a rank, made current.

    Raises:
        RuntimeError: where this build of torch, or this machine, has no such GPU. The CPU never stands in for it.
    """
    if case.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RuntimeError(f"{case} needs CUDA, and this torch ({torch.__version__}) finds no usable CUDA GPU")
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device
