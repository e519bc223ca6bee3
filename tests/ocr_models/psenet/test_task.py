"""The training task of PSENet: what it is made of, and one step of it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fixed_batch import SIZE, fixed_batch, label_maps
from ocr_models import MODELS
from ocr_models.psenet import PSENetLoss
from ocr_models.psenet.task import Criterion, PrepareBatch, Targets, r18_training_task, training_task
from ocr_models.task import TaskBuilder, TrainingStep, TrainingTask

CPU = torch.device("cpu")


def task() -> TrainingTask:
    return training_task(image_size=SIZE, seed=0, device=CPU)


@pytest.fixture(scope="module")
def shared() -> TrainingTask:
    """Read-only."""
    return task()


# the task


def test_both_tasks_are_among_the_models() -> None:
    assert MODELS["psenet"].load_task_builder() is training_task
    assert MODELS["psenetr18"].load_task_builder() is r18_training_task


def test_the_optimiser_is_the_recipes_over_all_parameters(shared: TrainingTask) -> None:
    assert type(shared.optimizer) is torch.optim.SGD
    (group,) = shared.optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (1e-3, 0.99, 5e-4)
    assert (group["nesterov"], group["dampening"], group["maximize"]) == (False, 0, False)
    assert {id(parameter) for parameter in group["params"]} == {id(p) for p in shared.model.parameters()}


def test_one_step_of_the_optimiser_by_hand() -> None:
    torch.manual_seed(0)
    made = task()
    weight = next(made.model.parameters())
    before, gradients = weight.detach().clone(), (torch.randn_like(weight), torch.randn_like(weight))
    expected, velocity = before.double(), torch.zeros_like(before, dtype=torch.float64)
    for gradient in gradients:
        weight.grad = gradient
        made.optimizer.step()
        velocity = 0.99 * velocity + gradient.double() + 5e-4 * expected
        expected = expected - 1e-3 * velocity
    torch.testing.assert_close(weight.detach().double(), expected, rtol=0, atol=1e-7)
    assert (weight - before).abs().max() > 1e-4


# its reference


def test_the_fixed_batch_has_all_labels(shared: TrainingTask) -> None:
    assert shared.reference is not None
    batch = shared.reference.batch()
    assert [tuple(part.shape) for part in batch] == [(4, SIZE, SIZE, 3), (4, SIZE, SIZE), (4, 3)]
    assert set(shared.prepare(batch)[1].kernels.unique().tolist()) == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize("build", [r18_training_task, pytest.param(training_task, marks=pytest.mark.exhaustive)])
def test_a_step_in_float64_has_the_figures_of_the_reference(build: TaskBuilder) -> None:
    made = build(image_size=128, seed=0, device=CPU)
    assert made.reference is not None
    assert made.reference.figures is not None
    made.reference.fix_weights(made.model)
    made.model.double()
    images, targets = made.prepare(made.reference.batch())
    losses = made.criterion(made.model(images.double()), targets)
    losses["loss"].backward()
    gradients = [parameter.grad.norm() for parameter in made.model.parameters() if parameter.grad is not None]
    found = {name: float(values.detach().mean()) for name, values in losses.items() if name.startswith("loss")}
    found |= {"gradient_norm": float(torch.stack(gradients).norm()), "parameters": len(gradients)}
    for name, value in found.items():
        # a few pixels of the labels differ between versions of OpenCV
        assert value == pytest.approx(made.reference.figures[name], rel=2e-4), name


# its parts


def test_a_batch_is_prepared_as_images_and_the_maps_that_were_packed() -> None:
    images, targets = PrepareBatch()(fixed_batch(2))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert isinstance(targets, Targets)
    for index in range(2):
        text, kernels, training_mask = (torch.from_numpy(maps).bool() for maps in label_maps(index))
        assert torch.equal(targets.text[index], text)
        assert torch.equal(targets.kernels[index], kernels)
        assert torch.equal(targets.training_mask[index], training_mask)
    assert not targets.training_mask.all()


def criterion_inputs() -> tuple[Tensor, Targets]:
    logits = 3 * torch.randn(2, 7, SIZE // 4, SIZE // 4, generator=torch.Generator().manual_seed(0))
    return logits, PrepareBatch()(fixed_batch(2))[1]


def test_the_criterion_is_the_loss_of_logits_upsampled_to_the_image() -> None:
    logits, targets = criterion_inputs()
    found = Criterion()(logits, targets)
    full = F.interpolate(logits, (SIZE, SIZE), mode="bilinear", align_corners=False)
    expected = PSENetLoss()(full, targets.text.float(), targets.kernels.float(), targets.training_mask.float())
    assert set(found) == {"loss", *expected}
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values)
    total = expected["loss_text"].mean() + expected["loss_kernels"].mean()
    torch.testing.assert_close(found["loss"], total)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_criterion_upsamples_half_precision_logits_in_float32(dtype: torch.dtype) -> None:
    logits, targets = criterion_inputs()
    low = logits.to(dtype).to(memory_format=torch.channels_last)
    found, expected = Criterion()(low, targets), Criterion()(low.float(), targets)
    for name in expected:
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], expected[name])


def test_a_nan_among_the_logits_makes_the_loss_nan() -> None:
    logits, targets = criterion_inputs()
    logits[0, 0, 0, 0] = torch.nan
    assert Criterion()(logits, targets)["loss"].isnan()


# one step


def test_a_step_gives_the_loss_that_is_minimised_and_the_parts_that_are_logged() -> None:
    losses = TrainingStep(task())(fixed_batch(2))
    assert set(losses) == {"loss", "loss_text", "loss_kernels", "iou_text", "iou_kernel"}
    loss = losses["loss"].detach()
    assert loss.shape == ()
    assert loss.isfinite()
    torch.testing.assert_close(loss, losses["loss_text"].mean() + losses["loss_kernels"].mean())
    for name in set(losses) - {"loss"}:
        assert (losses[name].shape, losses[name].requires_grad) == ((2,), False)


@pytest.mark.slow
def test_the_loss_goes_down_on_one_batch() -> None:
    made = task()
    step, batch = TrainingStep(made), fixed_batch(2)
    seen = []
    for _ in range(12):
        losses = step(batch)
        losses["loss"].backward()
        made.optimizer.step()
        made.optimizer.zero_grad()
        seen.append(losses["loss"].item())
    assert max(seen[-3:]) < 0.7 * seen[0], seen
