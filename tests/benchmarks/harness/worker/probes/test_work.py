"""Bytes and floating-point operations of real operations, and of real steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.components.resident import resident_trainer
from benchmarks.harness.worker.probes.copy_rate import copied_bytes, copy_terabytes_per_second
from benchmarks.harness.worker.probes.work import WorkCounter, count_eager_step
from benchmarks.harness.worker.trainer import Trainer
from in_process import restored_torch
from ocr_models import MODELS
from ocr_models.task import Batch, TrainingTask

N = 1000  # elements of each vector below; 4 bytes each


@pytest.fixture(scope="module")
def tiny(image_folder: Path) -> tuple[Trainer, Batch, TrainingTask]:
    """A trainer, a batch, and the task, which the trainer hides."""
    with pytest.MonkeyPatch.context() as patch, restored_torch(patch):
        trainer, batch = resident_trainer("tiny_sp_bs2_fp32_cpu1", image_folder, 64)
    task = MODELS["tiny"].load_task_builder()(image_size=64, seed=0, device=trainer.device)
    return trainer, batch, task


def counted(trainer: Trainer, function: Callable[[], object]) -> tuple[int, int]:
    """Bytes and floating-point operations."""
    with WorkCounter(trainer) as counter:
        function()
    return sum(each.bytes for each in counter.operations), sum(each.flops for each in counter.operations)


def vector() -> Tensor:
    return torch.ones(N)


class Operands:
    """Made before anything is counted."""

    def __init__(self) -> None:
        self.a, self.b, self.c = vector(), vector(), vector()
        self.matrix, self.other = torch.ones(10, 100), torch.ones(10, 100)
        self.table = torch.ones(5000, 10)
        self.image = torch.ones(2, 3, 8, 8)
        self.weight = torch.ones(4, 3, 3, 3)
        self.rows = torch.tensor([1, 2, 3])
        self.bytes = torch.ones(N, dtype=torch.uint8)
        self.half = torch.ones(N, dtype=torch.bfloat16)


OPERATIONS: list[tuple[str, Callable[[Operands], object], int, int]] = [
    ("sum of two", lambda x: x.a + x.b, 12 * N, 0),
    ("the same operand twice", lambda x: x.a * x.a, 8 * N, 0),
    ("in place: read and written", lambda x: x.a.add_(x.b), 12 * N, 0),
    ("in place with itself", lambda x: x.a.relu_(), 8 * N, 0),
    ("copy: the target is not read", lambda x: x.a.copy_(x.b), 8 * N, 0),
    ("zero", lambda x: x.a.zero_(), 4 * N, 0),
    ("out", lambda x: torch.add(x.a, x.b, out=x.c), 12 * N, 0),
    ("allocation", lambda x: torch.empty_like(x.a), 0, 0),
    ("views", lambda x: x.matrix.t().reshape(100, 10)[2:5].unsqueeze(0).detach().expand(4, -1, -1), 0, 0),
    ("split", lambda x: x.a.split(100), 0, 0),
    ("reshape that copies", lambda x: x.matrix.t().reshape(N), 8 * N, 0),
    ("in place on a view", lambda x: x.a[:100].mul_(2), 2 * 4 * 100, 0),
    ("every second element", lambda x: x.a[::2].clone(), 2 * 4 * N // 2, 0),
    ("expanded: stored once", lambda x: x.a[:1].expand(N) + x.b, 4 + 8 * N, 0),
    ("other type", lambda x: x.a.to(torch.bfloat16), 6 * N, 0),
    ("no change of type", lambda x: x.a.to(torch.float32).contiguous(), 0, 0),
    ("bytes", lambda x: x.bytes > 0, 2 * N, 0),
    ("concatenation", lambda x: torch.cat((x.a, x.b)), 16 * N, 0),
    ("rows of a table", lambda x: F.embedding(x.rows, x.table), 2 * 4 * 30 + 3 * 8, 0),
    ("gather", lambda x: x.a.index_select(0, x.rows), 2 * 4 * 3 + 3 * 8, 0),
    ("product", lambda x: x.matrix @ x.other.t(), 4 * (2 * N + 100), 2 * 10 * 10 * 100),
    ("linear", lambda x: F.linear(x.matrix, x.other), 4 * (2 * N + 100), 2 * 10 * 10 * 100),
    (
        "convolution",
        lambda x: F.conv2d(x.image, x.weight, padding=1),
        4 * (2 * 3 * 64 + 4 * 27 + 2 * 4 * 64),
        2 * (2 * 4 * 64 * 27),
    ),
    ("lists, in place", lambda x: torch._foreach_add_([x.a, x.c], [x.b, x.b]), 4 * N * (2 + 1 + 2), 0),
    ("reduction", lambda x: x.a.sum(), 4 * N + 4, 0),
    ("nothing in it", lambda x: x.a[:0] + x.b[:0], 0, 0),
]


@pytest.mark.parametrize(
    ("function", "moved", "flops"), [each[1:] for each in OPERATIONS], ids=[o[0] for o in OPERATIONS]
)
def test_an_operation_reads_its_operands_and_writes_its_results(
    tiny: tuple[Trainer, Batch, TrainingTask], function: Callable[[Operands], object], moved: int, flops: int
) -> None:
    operands = Operands()
    assert counted(tiny[0], lambda: function(operands)) == (moved, flops)


@pytest.mark.parametrize(("scaled", "written"), [(False, 2), (True, 3)])  # a gradient scaler divides the gradients
def test_a_fused_optimizer_reads_and_writes_weights_and_momentum(
    tiny: tuple[Trainer, Batch, TrainingTask], scaled: bool, written: int
) -> None:
    weight = vector().requires_grad_()
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)
    if scaled:
        optimizer.grad_scale, optimizer.found_inf = torch.ones(()), torch.zeros(())  # type: ignore[attr-defined]
    for _ in range(2):
        weight.grad = vector()
        moved, _ = counted(tiny[0], optimizer.step)
    scalars = 2 * 4 if scaled else 0
    assert moved == 4 * N * (3 + written) + scalars


def test_memory_of_another_device_does_not_count(tiny: tuple[Trainer, Batch, TrainingTask]) -> None:
    on_meta = torch.empty(N, device="meta")
    assert counted(tiny[0], lambda: on_meta + 1) == (0, 0)


def test_a_step_is_counted_by_stage_and_in_compiled_cases_as_in_eager_ones(
    tiny: tuple[Trainer, Batch, TrainingTask],
) -> None:
    trainer, batch, task = tiny
    with WorkCounter(trainer) as eager:
        trainer.step(batch)
    other = Trainer(task, trainer.case, trainer.device, trainer.position)
    counter = WorkCounter(other)
    count_eager_step(task, other, batch, counter)
    work = eager.work(0.1, 0.01)
    assert work is not None
    assert work == counter.work(0.1, 0.01)
    assert set(work.stage_bytes) == {"forward", "backward", "optimizer"}
    assert min(work.stage_bytes.values()) > 0
    assert work.bytes == sum(work.stage_bytes.values())
    # conv 3->4 on 62x62 (forward, and backward for its weight), conv 4->1 on 60x60 (forward, and backward twice)
    assert work.flops == 2 * (2 * (2 * 62 * 62 * 4 * 3 * 9) + 3 * (2 * 60 * 60 * 1 * 4 * 9))
    assert all(parameter.grad is None for parameter in other.parameters.values())


def test_what_bounds_an_operation_depends_on_the_rates(tiny: tuple[Trainer, Batch, TrainingTask]) -> None:
    trainer, batch, _ = tiny
    with WorkCounter(trainer) as counter:
        trainer.step(batch)
    slow_arithmetic, slow_memory = counter.work(1e-6, 1e6), counter.work(1e6, 1e-6)
    assert slow_arithmetic is not None
    assert slow_memory is not None
    assert slow_arithmetic.arithmetic_bound_flops == slow_arithmetic.flops
    assert (slow_memory.arithmetic_bound_flops, slow_memory.memory_bound_bytes) == (0, slow_memory.bytes)


def test_an_operation_that_cannot_be_counted_does_not_cost_the_step(
    tiny: tuple[Trainer, Batch, TrainingTask], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.harness.worker.probes.work.stored_bytes", lambda _: 1 // 0)
    with WorkCounter(tiny[0]) as counter:
        assert float((vector() + 1)[0]) == 2
    assert counter.work(1, 1) is None
    assert capsys.readouterr().err.count("the operations of a step are not counted: aten.") == 1


def test_a_compiled_case_whose_eager_step_fails_keeps_its_result(
    tiny: tuple[Trainer, Batch, TrainingTask], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, batch, task = tiny
    counter = WorkCounter(trainer)
    count_eager_step(task, trainer, (batch[0][:, :1], *batch[1:]), counter)  # one channel instead of three
    assert counter.work(1, 1) is None
    assert "the operations of a step are not counted" in capsys.readouterr().err
    assert all(parameter.grad is None for parameter in trainer.parameters.values())


def test_an_eager_step_that_fails_late_leaves_no_gradients(
    tiny: tuple[Trainer, Batch, TrainingTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, batch, task = tiny
    trainer = Trainer(task, own.case, own.device, own.position)

    def fail() -> None:
        assert any(parameter.grad is not None for parameter in trainer.parameters.values())
        raise RuntimeError("out of memory")

    monkeypatch.setattr(trainer.optimizer, "step", fail)
    counter = WorkCounter(trainer)
    count_eager_step(task, trainer, batch, counter)
    assert counter.work(1, 1) is None
    assert all(parameter.grad is None for parameter in trainer.parameters.values())


def test_a_real_copy_has_a_rate_and_many_threads_copy_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.harness.worker.probes.copy_rate.CPU_BYTES", 2**20)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    cpu = torch.device("cpu")
    assert 1e-5 < copy_terabytes_per_second(cpu) < 10
    monkeypatch.setattr(torch, "get_num_threads", lambda: 96)
    assert copied_bytes(cpu) == 96 * 2**24
