"""The training task of PSENet: what it is made of, and one step of it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import default_collate

from fixed_batch import SIZE, fixed_batch, label_maps
from ocr_models import MODELS
from ocr_models.data.icdar2015 import read_annotated_set
from ocr_models.psenet import PSENetLoss
from ocr_models.psenet.task import Criterion, PrepareBatch, Targets, training_task
from ocr_models.task import TrainingStep, TrainingTask

CPU = torch.device("cpu")


def task(seed: int = 0) -> TrainingTask:
    return training_task([], image_size=SIZE, seed=seed, device=CPU)


@pytest.fixture(scope="module")
def shared() -> TrainingTask:
    """To look at only."""
    return task()


@functools.cache
def one_step() -> tuple[TrainingStep, dict[str, Tensor]]:
    step = TrainingStep(task())
    losses = step(fixed_batch(2))
    losses["loss"].backward()
    return step, losses


# the task


def test_psenet_is_among_the_models() -> None:
    assert MODELS["psenet"].load_task_builder() is training_task


def test_the_seed_alone_makes_the_weights(shared: TrainingTask) -> None:
    torch.rand(5)
    same = training_task([], image_size=2 * SIZE, seed=0, device=CPU)
    other = task(seed=1)
    expected = shared.model.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in same.model.state_dict().items())
    drawn = [key for key, value in expected.items() if value.ndim == 4]
    assert drawn
    assert not any(torch.equal(other.model.state_dict()[key], expected[key]) for key in drawn)


def test_the_network_is_the_recipes_and_ready_to_train(shared: TrainingTask) -> None:
    parameters = list(shared.model.parameters())
    assert sum(parameter.numel() for parameter in parameters) == 28_749_767
    assert all(module.training for module in shared.model.modules())
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in parameters)
    backbone, head = shared.model.backbone.conv1.weight, shared.model.det_head.conv1.weight
    assert backbone.is_contiguous(memory_format=torch.channels_last)
    assert head.is_contiguous()  # on the CPU, where that is quicker


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


def test_samples_are_crops_of_the_images(image_folder: Path) -> None:
    annotated = read_annotated_set(image_folder).images
    made = training_task(annotated, image_size=SIZE, seed=3, device=CPU)
    assert len(made.dataset) == 3
    batch = default_collate([made.dataset[index, position] for index, position in ((0, 0), (2, 1))])
    images, targets = made.prepare(tuple(batch))
    assert (images.shape, images.dtype) == ((2, 3, SIZE, SIZE), torch.float32)
    assert [tuple(maps.shape) for maps in targets] == [(2, SIZE, SIZE), (2, 6, SIZE, SIZE), (2, SIZE, SIZE)]
    other = training_task(annotated, image_size=SIZE, seed=4, device=CPU).dataset[0, 0]
    assert not torch.equal(other[0], made.dataset[0, 0][0])


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


def test_logits_that_are_no_numbers_make_the_loss_none() -> None:
    logits, targets = criterion_inputs()
    logits[0, 0, 0, 0] = torch.nan
    assert Criterion()(logits, targets)["loss"].isnan()


# one step


def test_a_step_gives_the_loss_that_is_minimised_and_the_parts_that_are_logged() -> None:
    _, losses = one_step()
    assert set(losses) == {"loss", "loss_text", "loss_kernels", "iou_text", "iou_kernel"}
    loss = losses["loss"].detach()
    assert loss.shape == ()
    assert loss.isfinite()
    torch.testing.assert_close(loss, losses["loss_text"].mean() + losses["loss_kernels"].mean())
    for name in set(losses) - {"loss"}:
        assert (losses[name].shape, losses[name].requires_grad) == ((2,), False)


def test_a_step_has_a_gradient_for_every_parameter() -> None:
    step, _ = one_step()
    for name, parameter in step.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_step_has_the_tasks_parameters_and_no_others() -> None:
    step, _ = one_step()
    assert {name.partition(".")[0] for name, _ in step.named_parameters()} == {"model"}
    assert len(list(step.parameters())) == len(list(step.model.parameters()))


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
