"""The training task of PSENet: what it is made of, and one step of it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import default_collate

from benchmarks.harness.worker.probes.memory_format import memory_format
from fixed_batch import SIZE, fixed_batch, label_maps
from ocr_models import MODELS, memory_formats
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.psenet import PSENetLoss
from ocr_models.psenet.model import PSENet
from ocr_models.psenet.task import Criterion, PrepareBatch, Targets, r18_training_task, training_task
from ocr_models.task import TaskBuilder, TrainingStep, TrainingTask

CPU = torch.device("cpu")


def task(seed: int = 0) -> TrainingTask:
    return training_task(image_size=SIZE, seed=seed, device=CPU)


@pytest.fixture(scope="module")
def shared() -> TrainingTask:
    """Read-only."""
    return task()


@functools.cache
def one_step() -> tuple[TrainingStep, dict[str, Tensor]]:
    step = TrainingStep(task())
    losses = step(fixed_batch(2))
    losses["loss"].backward()
    return step, losses


# the task


def test_both_tasks_are_among_the_models() -> None:
    assert MODELS["psenet"].load_task_builder() is training_task
    assert MODELS["psenetr18"].load_task_builder() is r18_training_task


def test_the_seed_alone_makes_the_weights(shared: TrainingTask) -> None:
    torch.rand(5)
    same = training_task(image_size=2 * SIZE, seed=0, device=CPU)
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
    assert isinstance(shared.model, PSENet)


def in_format(made: TrainingTask) -> set[str | None]:
    """Memory formats of the weights, of the network's input, and of what the optimiser holds after a step."""
    step = TrainingStep(made)
    step(fixed_batch(1))["loss"].backward()
    made.optimizer.step()
    held = [each for state in made.optimizer.state.values() for each in state.values() if isinstance(each, Tensor)]
    gradients = [parameter.grad for parameter in made.model.parameters()]
    inputs, _ = made.prepare(fixed_batch(1))
    return {memory_format(each) for each in (made.model.parameters(), [inputs], held, gradients)}


@pytest.mark.parametrize(
    ("chosen", "in_planes", "expected"),
    [
        (None, frozenset(), "channels_last"),
        (None, frozenset({("cpu", "fp32")}), "contiguous"),
        (None, frozenset({("cpu", "bf16"), ("cuda", "fp32")}), "channels_last"),
        (torch.contiguous_format, frozenset(), "contiguous"),
        (torch.channels_last, frozenset({("cpu", "fp32")}), "channels_last"),
    ],
)
def test_weights_images_gradients_and_optimiser_have_the_format_of_device_and_precision_or_the_chosen_one(
    chosen: torch.memory_format | None,
    in_planes: frozenset[tuple[str, str]],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_formats, "IN_PLANES", in_planes)
    made = r18_training_task(image_size=SIZE, seed=0, device=CPU, precision="fp32", memory_format=chosen)
    assert in_format(made) == {expected}


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
    made = task(seed=3)
    annotated = made.read_data(image_folder, "train")
    dataset = made.make_dataset(annotated)
    assert len(dataset) == 3
    batch = default_collate([dataset[index, position] for index, position in ((0, 0), (2, 1))])
    images, targets = made.prepare(tuple(batch))
    assert (images.shape, images.dtype) == ((2, 3, SIZE, SIZE), torch.float32)
    assert [tuple(maps.shape) for maps in targets] == [(2, SIZE, SIZE), (2, 6, SIZE, SIZE), (2, SIZE, SIZE)]
    other = task(seed=4).make_dataset(annotated)[0, 0]
    assert not torch.equal(other[0], dataset[0, 0][0])


def test_the_input_shape_is_that_of_one_prepared_sample(shared: TrainingTask) -> None:
    images, _ = shared.prepare(fixed_batch(1))
    assert shared.input_shape == tuple(images.shape[1:])


def test_the_evaluation_detects_texts_in_the_held_out_images(
    shared: TrainingTask, image_folder: Path, tmp_path: Path
) -> None:
    assert shared.evaluation is not None
    evaluation = shared.evaluation(shared.read_data(image_folder, "test"))
    assert evaluation.samples == 2
    scores = evaluation.score(tmp_path, lambda: None)
    assert set(scores) == {"precision", "recall", "hmean"}
    assert all(0 <= value <= 1 for value in scores.values())


def test_texts_that_cannot_be_scored_are_refused_before_the_training(shared: TrainingTask, image_folder: Path) -> None:
    held_out = read_annotated_set(image_folder, "test")
    (text,) = held_out.images[1].polygons
    odd = replace(held_out, images=(held_out.images[0], replace(held_out.images[1], polygons=(text[:3],))))
    assert shared.evaluation is not None
    with pytest.raises(DataError, match=r"img_2\.jpg: a text of 3 corners"):
        shared.evaluation(odd)


def test_an_image_size_is_required() -> None:
    with pytest.raises(ValueError, match="image size"):
        training_task(image_size=None, seed=0, device=CPU)


# its reference


def test_the_fixed_batch_is_always_the_same_and_has_all_labels(shared: TrainingTask) -> None:
    assert shared.reference is not None
    first, second = shared.reference.batch(), shared.reference.batch()
    assert [tuple(part.shape) for part in first] == [(4, SIZE, SIZE, 3), (4, SIZE, SIZE), (4, 3)]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert set(shared.prepare(first)[1].kernels.unique().tolist()) == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize("build", [training_task, r18_training_task])
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
