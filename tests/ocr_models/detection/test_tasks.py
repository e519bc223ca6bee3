"""What the training tasks of all text detectors share, with those of each."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import default_collate

from benchmarks.harness.worker.probes.memory_format import memory_format
from ocr_models import MODELS, memory_formats
from ocr_models.db import inference as db_inference
from ocr_models.db.model import DBNet
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.psenet import inference as psenet_inference
from ocr_models.psenet.model import PSENet
from ocr_models.task import Batch, TrainingStep, TrainingTask

SIZE = 64
DETECTORS = ("psenet", "dbr18")
each_detector = pytest.mark.parametrize("model", DETECTORS)


def task(model: str, seed: int = 0, size: int | None = SIZE, **options: Any) -> TrainingTask:
    build = MODELS[model].load_task_builder()
    return build(image_size=size, seed=seed, device=torch.device("cpu"), **options)


@functools.cache
def shared(model: str) -> TrainingTask:
    """Read-only."""
    return task(model)


def batch_of(made: TrainingTask) -> Batch:
    assert made.reference is not None
    return made.reference.batch()


@functools.cache
def one_step(model: str) -> TrainingStep:
    made = task(model)
    step = TrainingStep(made)
    step(batch_of(made))["loss"].backward()
    return step


# the network


@pytest.mark.parametrize(
    ("model", "network", "parameters"),
    [("psenet", PSENet, 28_749_767), ("dbr18", DBNet, 12_269_378), ("dbr50", DBNet, 24_785_218)],
)
def test_the_network_is_the_recipes_and_ready_to_train(model: str, network: type[nn.Module], parameters: int) -> None:
    made = task(model).model
    assert isinstance(made, network)
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters
    assert all(module.training for module in made.modules())
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in made.parameters())


@each_detector
def test_the_seed_alone_makes_the_weights(model: str) -> None:
    torch.rand(5)
    same, other = task(model, size=2 * SIZE), task(model, seed=1)
    expected = shared(model).model.state_dict()
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


@pytest.mark.parametrize("model", ["psenetr18", "dbr18"])
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
    model: str,
    chosen: torch.memory_format | None,
    in_planes: frozenset[tuple[str, str]],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_formats, "IN_PLANES", in_planes)
    assert in_format(task(model, precision="fp32", memory_format=chosen)) == {expected}


# the data


@pytest.mark.parametrize("model", ["psenet", "psenetr18", "dbr50", "dbr18"])
def test_an_image_size_is_required(model: str) -> None:
    with pytest.raises(ValueError, match="image size"):
        task(model, size=None)


@pytest.mark.parametrize(
    ("model", "shapes"),
    [("psenet", [(2, SIZE, SIZE), (2, 6, SIZE, SIZE), (2, SIZE, SIZE)]), ("dbr18", 4 * [(2, SIZE, SIZE)])],
)
def test_samples_are_crops_of_the_images(model: str, shapes: list[tuple[int, ...]], image_folder: Path) -> None:
    made = task(model, seed=3)
    annotated = made.read_data(image_folder, "train")
    dataset = made.make_dataset(annotated)
    assert len(dataset) == 3
    batch = default_collate([dataset[index, position] for index, position in ((0, 0), (2, 1))])
    images, targets = made.prepare(tuple(batch))
    assert (images.shape, images.dtype) == ((2, 3, SIZE, SIZE), torch.float32)
    assert [tuple(maps.shape) for maps in targets] == shapes
    other = task(model, seed=4).make_dataset(annotated)[0, 0]
    assert not torch.equal(other[0], dataset[0, 0][0])


@each_detector
def test_the_fixed_batch_is_always_the_same_and_has_the_input_shape(model: str) -> None:
    first, second = batch_of(shared(model)), batch_of(shared(model))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    images, _ = shared(model).prepare(first)
    assert tuple(images.shape) == (4, *shared(model).input_shape)


# the evaluation


@pytest.mark.parametrize(
    ("model", "detector"), [("psenet", psenet_inference.TextDetector), ("dbr18", db_inference.TextDetector)]
)
def test_the_evaluation_scores_what_the_network_finds_in_the_held_out_images(
    model: str, detector: Any, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is not trained. So it detects, but what it finds is replaced with one of the two annotated texts."""
    made, found = shared(model), detector.quadrilaterals
    held_out = read_annotated_set(image_folder, "test")
    answers = iter([list(held_out.images[0].polygons), []])

    def quadrilaterals(self: Any, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        assert self.model is made.model
        found(self, image)
        return next(answers)

    monkeypatch.setattr(detector, "quadrilaterals", quadrilaterals)
    assert made.evaluation is not None
    evaluation = made.evaluation(held_out)
    assert evaluation.samples == 2
    scores = evaluation.score(tmp_path, lambda: None)
    assert scores == pytest.approx({"precision": 1, "recall": 1 / 2, "hmean": 2 / 3})


@each_detector
def test_texts_that_cannot_be_scored_are_refused_before_the_training(model: str, image_folder: Path) -> None:
    held_out = read_annotated_set(image_folder, "test")
    (text,) = held_out.images[1].polygons
    odd = replace(held_out, images=(held_out.images[0], replace(held_out.images[1], polygons=(text[:3],))))
    evaluation = shared(model).evaluation
    assert evaluation is not None
    with pytest.raises(DataError, match=r"img_2\.jpg: a text of 3 corners"):
        evaluation(odd)


# one step


@each_detector
def test_a_step_has_a_gradient_for_every_parameter(model: str) -> None:
    for name, parameter in one_step(model).named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@each_detector
def test_a_step_has_the_tasks_parameters_and_no_others(model: str) -> None:
    step = one_step(model)
    assert {name.partition(".")[0] for name, _ in step.named_parameters()} == {"model"}
    assert len(list(step.parameters())) == len(list(step.model.parameters()))
