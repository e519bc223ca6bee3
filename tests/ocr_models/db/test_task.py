"""The training tasks of DB: what they are made of, and one step of them."""

from __future__ import annotations

import pytest
import torch

from ocr_models import MODELS
from ocr_models.db import DBLoss
from ocr_models.db.task import Criterion, learning_rate_share, r18_training_task, r50_training_task
from ocr_models.task import Batch, TrainingStep, TrainingTask

SIZE = 64


def task(size: int = SIZE) -> TrainingTask:
    return r18_training_task(image_size=size, seed=0, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def shared() -> TrainingTask:
    """Read-only."""
    return task()


def batch_of(made: TrainingTask) -> Batch:
    assert made.reference is not None
    return made.reference.batch()


# the task


def test_both_tasks_are_among_the_models() -> None:
    assert MODELS["dbr50"].load_task_builder() is r50_training_task
    assert MODELS["dbr18"].load_task_builder() is r18_training_task


def test_the_optimiser_is_the_recipes_over_all_parameters(shared: TrainingTask) -> None:
    assert type(shared.optimizer) is torch.optim.Adam
    (group,) = shared.optimizer.param_groups
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (1e-3, (0.9, 0.999), 1e-8, 0)
    assert (group["amsgrad"], group["fused"], group["maximize"]) == (True, True, False)
    assert {id(parameter) for parameter in group["params"]} == {id(p) for p in shared.model.parameters()}


def test_two_steps_of_the_optimiser_by_hand() -> None:
    """Adam with amsgrad: the largest second moment so far, as it is before its bias is corrected."""
    torch.manual_seed(0)
    made = task()
    weight = next(made.model.parameters())
    expected, gradients = weight.detach().double(), (torch.randn_like(weight), 0.1 * torch.randn_like(weight))
    mean, square, largest = (torch.zeros_like(expected) for _ in range(3))
    for number, gradient in enumerate(gradients, 1):
        weight.grad = gradient
        made.optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient.double()
        square = 0.999 * square + 0.001 * gradient.double() ** 2
        largest = torch.maximum(largest, square)
        root = (largest / (1 - 0.999**number)).sqrt()
        expected = expected - 1e-3 * mean / (1 - 0.9**number) / (root + 1e-8)
    torch.testing.assert_close(weight.detach().double(), expected, rtol=0, atol=1e-7)


def test_the_learning_rate_rises_for_3_of_1200_epochs_and_then_falls_by_the_power_09() -> None:
    shares = [learning_rate_share(step, 4800) for step in range(4801)]
    assert shares[:13] == pytest.approx([1 / 3 + 2 / 3 * step / 12 for step in range(12)] + [1])
    assert shares[12:] == pytest.approx([(1 - step / 4788) ** 0.9 for step in range(4789)])
    made = task()
    schedule = made.schedule(4800)
    assert made.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 / 3)
    made.optimizer.step()
    schedule.step()
    assert made.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * shares[1])


# its reference


def test_the_fixed_batch_has_all_labels(shared: TrainingTask) -> None:
    assert [tuple(part.shape) for part in batch_of(shared)] == [(4, SIZE, SIZE, 3), (4, SIZE, SIZE), (4, SIZE, SIZE)]
    targets = shared.prepare(batch_of(task(size=128)))[1]
    for maps in (targets.shrink_map, targets.shrink_mask, targets.threshold_mask):
        assert set(maps.unique().tolist()) == {False, True}
    assert targets.threshold_map.min() == pytest.approx(0.3)
    assert targets.threshold_map.max() > 0.65


# its parts


def test_the_criterion_minimises_the_loss_and_logs_its_parts(shared: TrainingTask) -> None:
    maps = torch.rand(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = shared.prepare(batch_of(shared))[1]
    found, expected = Criterion()(maps, targets), DBLoss()(maps, *targets)
    assert list(found) == ["loss", "loss_probability", "loss_threshold", "loss_binary"]
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
        assert found[name].requires_grad == (name == "loss")


# one step


@pytest.mark.slow
def test_the_loss_goes_down_on_one_batch() -> None:
    made = task()
    step, batch = TrainingStep(made), batch_of(made)
    seen = []
    for _ in range(15):
        losses = step(batch)
        losses["loss"].backward()
        made.optimizer.step()
        made.optimizer.zero_grad()
        seen.append(losses["loss"].item())
    assert max(seen[-3:]) < 0.7 * seen[0], seen
