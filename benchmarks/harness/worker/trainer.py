"""The training step that is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LRScheduler
from torch.utils._pytree import tree_leaves

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CUDA_GRAPH_MODES, CompileMode
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.device_batches import DeviceBatches
from benchmarks.harness.worker.loader import LoadedBatch, check_pinned
from benchmarks.harness.worker.losses import checked_losses
from benchmarks.harness.worker.precision import autocast, gradient_scaler
from benchmarks.harness.worker.ranges import StepRange
from benchmarks.harness.worker.tensors import dtype_name
from ocr_models.task import Batch, TrainingStep, TrainingTask

InputForm = tuple[tuple[int, ...], str]
"""Shape of a tensor, and name of its data type."""


@dataclass
class SeenSteps:
    """What the steps of `Trainer.run` really worked on, from which `probes/training.py` makes its report.

    Attributes:
        keys: (image index, position) of each sample.
        inputs: forms of the network's input. In a compiled step they are unknown: a hook would become part of it.
        batch: the last batch.
        gradients: of each parameter in the last step, as the optimiser used it: clipped, if the task says so.
    """

    keys: list[tuple[int, int]] = field(default_factory=list)
    inputs: set[InputForm] = field(default_factory=set)
    batch: Batch = ()
    gradients: list[Tensor | None] = field(default_factory=list)


class Trainer:
    """Batch to device, forward, loss, backward, optimiser, without waiting for the device.

    Attributes:
        position: step and stage of this rank, kept up to date.
        learning_rates: of each step so far, NaN if the optimizer has none. One that is a tensor on a GPU is a tensor on
            the host here; it is valid once the device has done the step.
        parameters: name -> parameter of the model.
        seen: what the steps of `run` worked on, since whoever needs it replaced it.
    """

    def __init__(
        self,
        task: TrainingTask,
        case: Case,
        device: torch.device,
        position: Position,
        schedule: LRScheduler | None = None,
        compile_mode: CompileMode = "default",
    ) -> None:
        """With a schedule, the learning rate is advanced after each step. The mode is that of a compiled case."""
        self.case = case
        self.device = device
        self.position = position
        self.model = task.model
        self.prepare = task.prepare
        self.optimizer = task.optimizer
        self.max_gradient_norm = task.max_gradient_norm
        self.schedule = schedule
        self.learning_rates: list[float | Tensor] = []
        self.parameters = dict(task.model.named_parameters())
        self.seen = SeenSteps()
        self.scaler = gradient_scaler(case)
        self._device_batches = DeviceBatches(device)
        self._has_cuda_graphs = case.compile and device.type == "cuda" and compile_mode in CUDA_GRAPH_MODES
        # A range in a compiled step would become part of its graph.
        module: nn.Module = TrainingStep(task) if case.compile else TrainingStep(task, StepRange)
        self._parallel = _data_parallel(module, device) if case.mode == "mp" else None
        module = self._parallel or module
        self._losses: Callable[[Batch], dict[str, Tensor]] = (
            torch.compile(module, dynamic=False, mode=compile_mode) if case.compile else module
        )

    @property
    def loss_scale(self) -> Tensor | None:
        """Of the next step, () on the device; None without a gradient scaler, whose get_scale() would make us wait."""
        return self.scaler._get_scale_async() if self.scaler.is_enabled() else None

    def on_device(self, batch: Batch) -> Batch:
        """A copy of a batch of the loader for the step that comes next. The host does not wait for it."""
        return self._device_batches.on_device(batch)

    @property
    def held_batches(self) -> Batch:
        """The tensors on a GPU into which batches are copied in turns; none on the CPU."""
        return self._device_batches.held

    def step(self, batch: Batch, *, keep_gradients: bool = False) -> dict[str, Tensor]:
        """One training step on a batch of CPU or device tensors -> its losses, on the device."""
        losses = self.backward(batch)
        self.position.stage = "optimizer"
        with StepRange("optimizer"):
            self.learning_rates.append(_learning_rate(self.optimizer))
            self.update_parameters()
            if keep_gradients:
                self.seen.gradients = [parameter.grad for parameter in self.parameters.values()]
            self.optimizer.zero_grad(set_to_none=True)
            if self.schedule is not None:
                self.schedule.step()
        return losses

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        """The step without its optimiser. The parameters hold the gradients, multiplied by the scaler's factor."""
        self.position.stage = "forward"
        batch = tuple(tensor.to(self.device, non_blocking=True) for tensor in batch)
        if self._has_cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # the graphs may overwrite what they returned in earlier steps
        with StepRange("forward") if self.case.compile else nullcontext(), autocast(self.case):
            losses = checked_losses(self._losses(batch), self.device)
        self.position.stage = "backward"
        with StepRange("backward"):
            self.scaler.scale(losses["loss"]).backward()
        return losses

    def update_parameters(self) -> None:
        """Let the optimiser use the gradients, clipped if the task asks for it. A step that overflows is skipped."""
        if self.max_gradient_norm is not None:
            self.scaler.unscale_(self.optimizer)
            clip_grad_norm_(self.parameters.values(), self.max_gradient_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def without_exchange(self) -> AbstractContextManager[object]:
        """Steps in this context do not average their gradients over the ranks."""
        return nullcontext() if self._parallel is None else self._parallel.no_sync()

    def targets(self, batch: Batch) -> Any:
        """The targets that a step on this batch learns, a tree of tensors."""
        return self.prepare(tuple(tensor.to(self.device) for tensor in batch))[1]

    def inputs(self, batch: Batch) -> Any:
        """What the network gets in a step on this batch, a tree of tensors."""
        return self.prepare(tuple(tensor.to(self.device) for tensor in batch))[0]

    def run(self, batches: Iterator[LoadedBatch], steps: int, clock: StepClock) -> None:
        """Train on the next `steps` batches; the clock times each step.

        Raises:
            DataError: if a batch for a GPU is not in pinned memory.
        """
        self.seen.gradients = []  # of an earlier run: they would take memory from these steps
        hook = None if self.case.compile else self.model.register_forward_pre_hook(self._note_input)
        for step in range(1, steps + 1):
            self.position.step += 1
            self.position.stage = "data"
            with StepRange("data"):
                batch, keys = next(batches)
            if self.device.type == "cuda":
                check_pinned(batch)
            clock.batch_arrived()
            self.position.stage = "forward"  # a fault of the copy is none of the data
            losses = self.step(self.on_device(batch), keep_gradients=step == steps)
            clock.step_done(len(batch[0]), losses, self.loss_scale)
            self.seen.keys.extend((index, position) for index, position in keys)
            self.seen.batch = batch
        if hook is not None:
            hook.remove()

    def _note_input(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.seen.inputs.add(input_form(inputs))


def _data_parallel(module: nn.Module, device: torch.device) -> DistributedDataParallel:
    parallel = DistributedDataParallel(
        module,
        device_ids=[device] if device.type == "cuda" else None,
        broadcast_buffers=False,  # batch statistics belong to a rank; the parameters must agree
        gradient_as_bucket_view=True,
    )
    parallel._set_ddp_runtime_logging_sample_rate(2**30)  # its statistics would make the host wait for the GPU
    return parallel


def _learning_rate(optimizer: torch.optim.Optimizer) -> float | Tensor:
    """The one of the next step, as it is now: a schedule changes a tensor in place."""
    rate = optimizer.param_groups[0].get("lr")
    if isinstance(rate, Tensor) and rate.device.type == "cuda":
        return rate.detach().to("cpu", non_blocking=True)  # into pinned memory, so the host does not wait
    return math.nan if rate is None else float(rate)


def input_form(inputs: Any) -> InputForm:
    """Of the first tensor in the input of a network, a tree of tensors. Raises StopIteration if there is none."""
    first = next(each for each in tree_leaves(inputs) if isinstance(each, Tensor))
    return tuple(first.shape), dtype_name(first)
