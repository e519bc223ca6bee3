"""The training tasks of DB: what they are made of, and one step of them."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from benchmarks.harness.worker.probes.memory_format import memory_format
from ocr_models import MODELS, memory_formats
from ocr_models.db import DBLoss
from ocr_models.db.model import DBNet
from ocr_models.db.task import (
    Criterion,
    learning_rate_share,
    r18_training_task,
    r50_training_task,
)
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.task import Batch, TaskBuilder, TrainingStep, TrainingTask

CPU = torch.device("cpu")
SIZE = 64
BUILDERS = [r18_training_task, r50_training_task]


def task(seed: int = 0, size: int = SIZE) -> TrainingTask:
    return r18_training_task(image_size=size, seed=seed, device=CPU)


@pytest.fixture(scope="module")
def shared() -> TrainingTask:
    """Read-only."""
    return task()


def batch_of(made: TrainingTask) -> Batch:
    assert made.reference is not None
    return made.reference.batch()


@functools.cache
def one_step() -> tuple[TrainingStep, dict[str, Tensor]]:
    made = task()
    step = TrainingStep(made)
    losses = step(batch_of(made))
    losses["loss"].backward()
    return step, losses


# the task


def test_both_tasks_are_among_the_models() -> None:
    assert MODELS["dbr50"].load_task_builder() is r50_training_task
    assert MODELS["dbr18"].load_task_builder() is r18_training_task


@pytest.mark.parametrize(("build", "parameters"), [(r18_training_task, 12_269_378), (r50_training_task, 24_785_218)])
def test_the_network_is_the_recipes_and_ready_to_train(build: TaskBuilder, parameters: int) -> None:
    model = build(image_size=SIZE, seed=0, device=CPU).model
    assert isinstance(model, DBNet)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in model.parameters())


def test_the_seed_alone_makes_the_weights(shared: TrainingTask) -> None:
    torch.rand(5)
    same, other = task(size=2 * SIZE), task(seed=1)
    expected = shared.model.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in same.model.state_dict().items())
    drawn = [key for key, value in expected.items() if value.ndim == 4]
    assert drawn
    assert not any(torch.equal(other.model.state_dict()[key], expected[key]) for key in drawn)


def in_format(made: TrainingTask) -> set[str | None]:
    """Memory formats of the weights, of the network's input, and of what the optimiser holds after a step."""
    batch = batch_of(made)
    TrainingStep(made)(batch)["loss"].backward()
    made.optimizer.step()
    held = [each for state in made.optimizer.state.values() for each in state.values() if isinstance(each, Tensor)]
    gradients = [parameter.grad for parameter in made.model.parameters()]
    inputs, _ = made.prepare(batch)
    return {memory_format(each) for each in (made.model.parameters(), [inputs], held, gradients)}


@pytest.mark.parametrize(
    ("chosen", "in_planes", "expected"),
    [
        (None, frozenset(), "channels_last"),
        (None, frozenset({("cpu", "fp32")}), "contiguous"),
        (torch.contiguous_format, frozenset(), "contiguous"),
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


def test_samples_are_crops_of_the_images(image_folder: Path) -> None:
    made = task(seed=3)
    annotated = made.read_data(image_folder, "train")
    dataset = made.make_dataset(annotated)
    assert len(dataset) == 3
    batch = default_collate([dataset[index, position] for index, position in ((0, 0), (2, 1))])
    images, targets = made.prepare(tuple(batch))
    assert (images.shape, images.dtype) == ((2, 3, SIZE, SIZE), torch.float32)
    assert [tuple(maps.shape) for maps in targets] == 4 * [(2, SIZE, SIZE)]
    other = task(seed=4).make_dataset(annotated)[0, 0]
    assert not torch.equal(other[0], dataset[0, 0][0])


def test_the_input_shape_is_that_of_one_prepared_sample(shared: TrainingTask) -> None:
    images, _ = shared.prepare(batch_of(shared))
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


@pytest.mark.parametrize("build", BUILDERS)
def test_an_image_size_is_required(build: TaskBuilder) -> None:
    with pytest.raises(ValueError, match="image size"):
        build(image_size=None, seed=0, device=CPU)


# its reference


def test_the_fixed_batch_is_always_the_same_and_has_all_labels(shared: TrainingTask) -> None:
    first, second = batch_of(shared), batch_of(shared)
    assert [tuple(part.shape) for part in first] == [(4, SIZE, SIZE, 3), (4, SIZE, SIZE), (4, SIZE, SIZE)]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
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


def test_a_step_has_a_gradient_for_every_parameter() -> None:
    step, losses = one_step()
    assert losses["loss"].isfinite()
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
    step, batch = TrainingStep(made), batch_of(made)
    seen = []
    for _ in range(15):
        losses = step(batch)
        losses["loss"].backward()
        made.optimizer.step()
        made.optimizer.zero_grad()
        seen.append(losses["loss"].item())
    assert max(seen[-3:]) < 0.7 * seen[0], seen
