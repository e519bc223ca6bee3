"""The training step, with a small model on the CPU."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, TrainingTask

CPU = torch.device("cpu")
CASE = parse_case("psenet_sp_bs2_fp32_cpu1")


class Prepare(nn.Module):
    def forward(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        return batch[0], [batch[1]]


class SquaredError(nn.Module):
    def forward(self, outputs: Tensor, targets: list[Tensor]) -> dict[str, Tensor]:
        errors = (outputs.squeeze(1) - targets[0]).square()  # (N,)
        return {"loss": errors.mean(), "error": errors.detach()}


@pytest.fixture
def task() -> TrainingTask:
    def unused(*_: object) -> Any:
        pytest.fail("a step reads no data")

    model = nn.Linear(3, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return TrainingTask(model, Prepare(), SquaredError(), optimizer, (3,), unused, unused, unused)


def batch() -> Batch:
    return torch.eye(2, 3), torch.tensor([1.0, 3.0])


LOADED = LoadedBatch(batch(), [(4, 0), (2, 1)])


def test_a_step_is_forward_backward_and_the_optimiser(task: TrainingTask) -> None:
    losses = Trainer(task, CASE, CPU, Position()).step(batch())
    assert losses["loss"].item() == (1 + 9) / 2
    assert losses["error"].tolist() == [1.0, 9.0]
    # d loss / d w = mean over the samples of 2 (output - target) x input
    assert isinstance(task.model.weight, Tensor)
    assert torch.allclose(task.model.weight, 0.1 * torch.tensor([[1.0, 3.0, 0.0]]))
    assert all(parameter.grad is None for parameter in task.model.parameters())


def test_a_schedule_advances_after_each_step_and_its_rates_are_kept(task: TrainingTask) -> None:
    trainer = Trainer(task, CASE, CPU, Position(), StepLR(task.optimizer, 1, gamma=0.5))
    for _ in range(3):
        trainer.step(batch())
    assert trainer.learning_rates == [0.1, 0.05, 0.025]


def test_the_rate_of_a_step_is_kept_although_a_schedule_changes_its_tensor_in_place(task: TrainingTask) -> None:
    optimizer = torch.optim.Adam(task.model.parameters(), lr=torch.tensor(0.5))
    trainer = Trainer(replace(task, optimizer=optimizer), CASE, CPU, Position(), StepLR(optimizer, 1, gamma=0.5))
    for _ in range(3):
        trainer.step(batch())
    assert trainer.learning_rates == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("group", [{}, {"lr": None}])
def test_an_optimizer_may_have_no_learning_rate(task: TrainingTask, group: dict[str, None]) -> None:
    """Such as those that derive it from the gradients."""
    optimizer = torch.optim.Optimizer(task.model.parameters(), group)
    optimizer.step = lambda *_: None  # type: ignore[method-assign,assignment]
    trainer = Trainer(replace(task, optimizer=optimizer), CASE, CPU, Position())
    trainer.step(batch())
    (rate,) = trainer.learning_rates
    assert math.isnan(rate)


def test_without_a_schedule_the_learning_rate_stays(task: TrainingTask) -> None:
    trainer = Trainer(task, CASE, CPU, Position())
    for _ in range(2):
        trainer.step(batch())
    assert trainer.learning_rates == [0.1, 0.1]


def test_the_gradients_of_a_step_can_be_taken_without_the_optimiser(task: TrainingTask) -> None:
    Trainer(task, CASE, CPU, Position()).backward(batch())
    assert isinstance(task.model.weight, nn.Parameter)
    assert not task.model.weight.any()
    assert task.model.weight.grad is not None
    assert torch.allclose(task.model.weight.grad, torch.tensor([[-1.0, -3.0, 0.0]]))


def test_gradients_are_clipped_to_the_norm_of_the_task(task: TrainingTask) -> None:
    # The gradients of the first step are -1, -3 and 0 of the weight, and -4 of the bias.
    norm = math.sqrt(1 + 9 + 16)
    Trainer(replace(task, max_gradient_norm=norm / 2), CASE, CPU, Position()).step(batch())
    assert isinstance(task.model.weight, Tensor)
    assert torch.allclose(task.model.weight, 0.1 * torch.tensor([[0.5, 1.5, 0.0]]))
    Trainer(replace(task, max_gradient_norm=1e3), CASE, CPU, Position()).step(batch())
    assert task.model.weight[0, 0] > 0.1, "gradients below the norm stay as they are"


def test_gradients_of_fp16_are_clipped_without_their_scale(task: TrainingTask) -> None:
    clipped = replace(task, max_gradient_norm=math.sqrt(1 + 9 + 16) / 2)
    trainer = Trainer(clipped, parse_case("psenet_sp_bs2_fp16_cpu1"), CPU, Position())
    assert isinstance(task.model.weight, Tensor)
    for _ in range(10):  # the first steps overflow, and halve the scale
        if not task.model.weight.any():
            trainer.step(batch())
    assert torch.allclose(task.model.weight, 0.1 * torch.tensor([[0.5, 1.5, 0.0]]), rtol=1e-2)


def test_a_step_that_overflows_is_skipped_although_its_gradients_are_clipped(task: TrainingTask) -> None:
    trainer = Trainer(replace(task, max_gradient_norm=1.0), parse_case("psenet_sp_bs2_fp16_cpu1"), CPU, Position())
    trainer.step((torch.full((2, 3), math.inf), torch.tensor([1.0, 3.0])))
    assert isinstance(task.model.weight, Tensor)
    assert task.model.weight.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("norm", [0.0, -1.0, math.nan])
def test_a_norm_that_no_gradient_can_have_is_refused(task: TrainingTask, norm: float) -> None:
    with pytest.raises(ValueError, match="max_gradient_norm must be above 0"):
        replace(task, max_gradient_norm=norm)


def test_targets_are_those_of_the_task(task: TrainingTask) -> None:
    (found,) = Trainer(task, CASE, CPU, Position()).targets(batch())
    assert found.tolist() == [1.0, 3.0]


def test_the_position_says_in_which_step_and_stage_a_rank_is(task: TrainingTask) -> None:
    position = Position()
    trainer = Trainer(task, CASE, CPU, position)
    seen: list[tuple[int, str]] = []

    def note(*_: object) -> None:
        seen.append((position.step, position.stage))

    def batches() -> Any:
        while True:
            note()
            yield LOADED

    task.model.register_forward_hook(note)
    assert isinstance(task.model.weight, Tensor)
    task.model.weight.register_hook(note)
    task.optimizer.register_step_pre_hook(note)
    clock = StepClock(CPU, 2, lambda record: None)
    clock.begin(warmup=False)
    trainer.run(batches(), 2, clock)
    stages = ("data", "forward", "backward", "optimizer")
    assert seen == [(step, stage) for step in (1, 2) for stage in stages]


def test_a_run_times_each_of_its_steps(task: TrainingTask) -> None:
    records: list[StepRecord] = []
    clock = StepClock(CPU, 3, records.append)
    clock.begin(warmup=False)
    Trainer(task, CASE, CPU, Position()).run(itertools.repeat(LOADED), 3, clock)
    assert [(record.index, record.samples) for record in records] == [(1, 2), (2, 2), (3, 2)]
    losses = [record.losses["loss"] for record in records]
    assert losses == sorted(losses, reverse=True)  # type: ignore[type-var]


def test_the_record_of_a_step_has_the_scale_of_its_loss_and_whether_it_was_skipped(task: TrainingTask) -> None:
    records: list[StepRecord] = []
    clock = StepClock(CPU, 3, records.append)
    clock.begin(warmup=False)
    overflow = LoadedBatch((torch.full((2, 3), 1e30), torch.ones(2)), LOADED.keys)
    nn.init.ones_(cast(Tensor, task.model.weight))
    trainer = Trainer(task, parse_case("psenet_sp_bs2_fp16_cpu1"), CPU, Position())
    harmless = LoadedBatch((0.1 * torch.eye(2, 3), torch.full((2,), 0.1)), LOADED.keys)
    trainer.run(iter([overflow, harmless, harmless]), 3, clock)
    assert [(record.loss_scale, record.skipped) for record in records] == [
        (2.0**16, True),
        (2.0**15, False),
        (2.0**15, False),
    ]


def test_without_a_scaler_a_record_has_no_scale(task: TrainingTask) -> None:
    records: list[StepRecord] = []
    clock = StepClock(CPU, 1, records.append)
    clock.begin(warmup=False)
    Trainer(task, CASE, CPU, Position()).run(iter([LOADED]), 1, clock)
    assert (records[0].loss_scale, records[0].skipped) == (None, False)


def test_a_run_keeps_what_its_steps_worked_on(task: TrainingTask) -> None:
    trainer = Trainer(task, CASE, CPU, Position())
    clock = StepClock(CPU, 5, lambda record: None)
    clock.begin(warmup=False)
    trainer.run(itertools.repeat(LOADED), 2, clock)
    assert trainer.seen.keys == [(4, 0), (2, 1)] * 2
    assert trainer.seen.inputs == {((2, 3), "float32")}
    assert trainer.seen.batch is LOADED.batch
    assert [gradient is not None and gradient.any().item() for gradient in trainer.seen.gradients] == [True, True]
    task.model(torch.zeros(7, 3))  # an evaluation
    trainer.run(itertools.repeat(LOADED), 0, clock)
    assert trainer.seen.inputs == {((2, 3), "float32")}
    assert trainer.seen.gradients == []
