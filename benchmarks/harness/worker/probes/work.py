"""What a training step has to compute and to move: the floating-point operations and bytes of its operations."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.harness.protocol.limits import StepWork
from benchmarks.harness.worker.precision import autocast
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, OpenPart, TrainingStep, TrainingTask

NO_WORK = {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "_unsafe_view"}
"""Operations that only allocate, or only change a shape although their schema does not say so."""

OVERWRITING = {"copy_", "fill_", "zero_", "normal_", "uniform_", "bernoulli_", "random_", "exponential_"}
"""In-place operations that do not read what they replace."""

SELECTING = {"embedding", "gather", "index", "index_select", "take"}
"""Operations that read as many elements of their first operand as they return."""


class Operation(NamedTuple):
    """One operation of the step.

    Attributes:
        flops: its floating-point operations.
        bytes: that it reads and writes.
        stage: of the step.
        name: of the operator, for example "aten::mm".
        shapes: of the tensors that it gets.
    """

    flops: int
    bytes: int
    stage: str
    name: str
    shapes: tuple[tuple[int, ...], ...]


class WorkCounter(TorchDispatchMode):
    """Notes, as a context, every operation of the eager code in it.

    An operation reads its operands and writes its results once, whatever a cache would save. Views move nothing, of an
    expanded tensor the stored elements count, and an operation in place reads and writes its operand.
    Floating-point operations are those of matrix products, convolutions and attention; a multiply-add counts two.
    """

    supports_higher_order_operators = True

    def __init__(self, trainer: Trainer) -> None:
        """The stage of the trainer's position says to which part of the step an operation belongs."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self._trainer = trainer
        self._failed = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        results = func(*args, **kwargs)
        if isinstance(func, OpOverload) and not self._failed:
            try:
                self._note(func, args, kwargs, results)
            except Exception as error:  # a model's own operation may declare anything: it must not fail the case
                self.give_up(f"{func}: {error!r}")
        return results

    def give_up(self, reason: str) -> None:
        """The operations of the step are not known."""
        self._failed = True
        print(f"warning: the operations of a step are not counted: {reason}", file=sys.stderr, flush=True)

    def _note(self, func: OpOverload, args: Any, kwargs: Any, results: Any) -> None:
        if "c10d" in func.namespace:
            return  # collectives move data between devices: their limit is the network
        if moved := moved_bytes(func, args, kwargs, results, self._trainer.device.type):
            flops = _flops(func, args, kwargs, results)
            shapes = tuple(tuple(each.shape) for _, value in _arguments(func, args, kwargs) for each in _tensors(value))
            self.operations.append(
                Operation(flops, moved, self._trainer.position.stage, func._schema.name, tuple(filter(None, shapes)))
            )

    def work(self, matmul_tflops: float, copy_terabytes_per_second: float) -> StepWork | None:
        """The sums, divided by what bounds an operation at these rates; None if they were not counted."""
        if self._failed or not self.operations:
            return None
        stages: dict[str, int] = defaultdict(int)
        arithmetic_flops = memory_bytes = 0
        for each in self.operations:
            stages[each.stage] += each.bytes
            if each.flops / matmul_tflops > each.bytes / copy_terabytes_per_second:
                arithmetic_flops += each.flops
            else:
                memory_bytes += each.bytes
        return StepWork(
            operations=len(self.operations),
            flops=sum(each.flops for each in self.operations),
            bytes=sum(each.bytes for each in self.operations),
            stage_bytes=dict(stages),
            arithmetic_bound_flops=arithmetic_flops,
            memory_bound_bytes=memory_bytes,
        )


def count_eager_step(task: TrainingTask, trainer: Trainer, batch: Batch, counter: WorkCounter) -> None:
    """Take an eager step and note its operations."""
    try:
        with counter:
            eager_step(task, trainer, batch)
    except RuntimeError as error:  # it may need more memory than a compiled step
        counter.give_up(str(error))
        trainer.optimizer.zero_grad(set_to_none=True)


def eager_step(task: TrainingTask, trainer: Trainer, batch: Batch, part: OpenPart = nullcontext) -> None:
    """Take one step of the task on a batch on its device, in eager mode and in this process alone.

    `part` opens a context around `prepare`, `forward`, `loss`, `backward` and `optimizer`.
    """
    trainer.position.stage = "forward"
    with autocast(trainer.case):
        losses = TrainingStep(task, part)(batch)
    trainer.position.stage = "backward"
    with part("backward"):
        trainer.scaler.scale(losses["loss"]).backward()
    trainer.position.stage = "optimizer"
    with part("optimizer"):
        trainer.update_parameters()
        trainer.optimizer.zero_grad(set_to_none=True)


def moved_bytes(func: OpOverload, args: Any, kwargs: Any, results: Any, device: str) -> int:
    """Bytes that an operation reads and writes in the memory of this type of device; 0 for a view and an allocation."""
    name = func.overloadpacket.__name__
    if name in NO_WORK or func.is_view:
        return 0
    read, changed = _operands(func, name, args, kwargs)
    declared = func._schema.returns
    returned = results if len(declared) > 1 else (results,)
    made = [value for each, value in zip(declared, returned, strict=False) if each.alias_info is None]
    read_bytes, changed_bytes, made_bytes = (
        sum(stored_bytes(each) for each in tensors if each.device.type == device)
        for tensors in (read, changed, _tensors(made))
    )
    if name in SELECTING and isinstance(args[0], Tensor) and args[0].device.type == device:
        read_bytes += min(0, made_bytes - stored_bytes(args[0]))
    return read_bytes + changed_bytes + made_bytes


def stored_bytes(tensor: Tensor) -> int:
    """Bytes of the elements of a tensor in memory: an element that is repeated by `expand` counts once."""
    if tensor.layout != torch.strided:
        return tensor.numel() * tensor.element_size()
    count = tensor.element_size()
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count


def _operands(func: OpOverload, name: str, args: Any, kwargs: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that are read and those that are changed; a tensor that is given twice counts once."""
    read: dict[int, Tensor] = {}
    changed: dict[int, Tensor] = {}
    for declared, value in _arguments(func, args, kwargs):
        tensors = {id(each): each for each in _tensors(value)}
        is_changed = declared.alias_info is not None and declared.alias_info.is_write
        if name.startswith("_fused_") and declared.name == "grads":
            is_changed = kwargs.get("grad_scale") is not None  # only then an optimizer divides them in place
        if is_changed:
            changed |= tensors
        if not (is_changed and (declared.is_out or name in OVERWRITING)):
            read |= tensors
    return list(read.values()), list(changed.values())


def _arguments(func: OpOverload, args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
    """Each argument that was given, with its declaration."""
    for position, declared in enumerate(func._schema.arguments):
        if position < len(args):
            yield declared, args[position]
        elif declared.name in kwargs:
            yield declared, kwargs[declared.name]


def _flops(func: OpOverload, args: Any, kwargs: Any, results: Any) -> int:
    formula = flop_registry.get(func.overloadpacket)
    return 0 if formula is None else int(formula(*args, **kwargs, out_val=results))


def _tensors(value: Any) -> list[Tensor]:
    return [each for each in tree_leaves(value) if isinstance(each, Tensor)]
