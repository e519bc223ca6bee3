"""What the training tasks of all text recognisers share, with those of each."""

from __future__ import annotations

import functools
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_leaves
from torch.utils.data import default_collate

from ocr_models import MODELS
from ocr_models.crnn.model import CRNN
from ocr_models.parseq.model import PARSeq
from ocr_models.task import Batch, TrainingStep, TrainingTask
from word_files import write_lmdb

RECOGNISERS = ("crnnvgg128", "parseqtiny")
each_recogniser = pytest.mark.parametrize("model", RECOGNISERS)
WORDS = ("One", "two", "Two", "88")


def task(model: str, seed: int = 0, image_size: int | None = None) -> TrainingTask:
    build = MODELS[model].load_task_builder()
    return build(image_size=image_size, seed=seed, device=torch.device("cpu"))


@functools.cache
def shared(model: str) -> TrainingTask:
    """Read-only."""
    return task(model)


@functools.cache
def batch_of(model: str) -> Batch:
    made = shared(model)
    assert made.reference is not None
    return made.reference.batch()


@functools.cache
def one_step(model: str) -> TrainingStep:
    step = TrainingStep(task(model))
    step(batch_of(model))["loss"].backward()
    return step


@pytest.fixture(scope="module")
def word_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    for split, words in (("train", WORDS), ("test", WORDS[:2])):
        write_lmdb(folder / split, words)
    return folder


# the network


@pytest.mark.parametrize(
    ("model", "network", "parameters", "optimizer", "rate", "norm"),
    [
        ("crnn", CRNN, 47_165_701, "Adadelta", 1.0, 5),
        ("crnnvgg", CRNN, 8_451_621, "Adadelta", 1.0, 5),
        ("crnnvgg128", CRNN, 532_389, "AdamW", 2e-3 / 25, 5),
        ("parseq", PARSeq, 23_832_671, "AdamW", 1.05e-3 / 25, 20),
        ("parseqtiny", PARSeq, 6_018_143, "AdamW", 1.05e-3 / 25, 20),
    ],
)
def test_network_optimizer_and_clipping_are_those_of_the_recipe(
    model: str, network: type[nn.Module], parameters: int, optimizer: str, rate: float, norm: float
) -> None:
    made = task(model)
    made.schedule(100)
    assert isinstance(made.model, network)
    assert sum(parameter.numel() for parameter in made.model.parameters()) == parameters
    assert all(module.training for module in made.model.modules())
    assert all(each.requires_grad and each.dtype == torch.float32 for each in made.model.parameters())
    assert type(made.optimizer).__name__ == optimizer
    assert made.optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    assert made.max_gradient_norm == norm
    assert any("padded to 25 characters" in note for note in made.notes) is model.startswith("parseq")


@each_recogniser
def test_the_seed_alone_makes_the_weights(model: str) -> None:
    torch.rand(5)
    same, other = task(model), task(model, seed=1)
    expected = shared(model).model.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in same.model.state_dict().items())
    drawn = [key for key, value in expected.items() if value.ndim > 1]
    assert drawn
    assert not any(torch.equal(other.model.state_dict()[key], expected[key]) for key in drawn)


@each_recogniser
def test_an_image_size_cannot_be_chosen(model: str) -> None:
    with pytest.raises(ValueError, match=r"image size cannot be 64: .* has a fixed input size"):
        task(model, image_size=64)


# the data


@pytest.mark.parametrize(
    ("model", "image", "targets"),
    [("crnnvgg128", (1, 32, 100), [(3, 25), (3,)]), ("parseqtiny", (3, 32, 128), [(3, 27), (6, 27)])],
)
def test_samples_are_stretched_words_with_their_labels(
    model: str, image: tuple[int, ...], targets: list[tuple[int, ...]], word_folder: Path
) -> None:
    made = shared(model)
    dataset = made.make_dataset(made.read_data(word_folder, "train"))
    assert len(dataset) == len(WORDS)
    batch = default_collate([dataset[index, position] for index, position in ((0, 0), (2, 1), (3, 5))])
    inputs, labels = made.prepare(tuple(batch))
    images = tree_leaves(inputs)[0]
    assert (tuple(images.shape), images.dtype) == ((3, *image), torch.float32)
    assert -1 <= images.min() < images.max() <= 1 + 1e-6
    assert [tuple(each.shape) for each in labels] == targets
    assert all(each.dtype == torch.int64 for each in labels)


@each_recogniser
def test_the_fixed_batch_is_always_the_same_and_has_the_input_shape(model: str) -> None:
    made = shared(model)
    assert made.reference is not None
    again = made.reference.batch()
    assert all(torch.equal(a, b) for a, b in zip(batch_of(model), again, strict=True))
    inputs, _ = made.prepare(again)
    assert tuple(tree_leaves(inputs)[0].shape) == (6, *made.input_shape)


# the evaluation


@each_recogniser
def test_the_evaluation_scores_what_the_network_reads_in_the_held_out_words(
    model: str, word_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is not trained. So it reads, but what it read is replaced: one of two words is right."""
    made = shared(model)
    inference = import_module(f"{MODELS[model].task.rpartition('.')[0]}.inference")
    name = {"crnnvgg128": "greedy_decode", "parseqtiny": "decode"}[model]
    decode = getattr(inference, name)

    def answered(outputs: Any) -> Any:
        read = decode(outputs)
        assert len(read) == 2
        return ["one", "twa"] if model == "crnnvgg128" else (["One", "tw.a"], torch.tensor([0.5, 0.25]))

    monkeypatch.setattr(inference, name, answered)
    assert made.evaluation is not None
    evaluation = made.evaluation(made.read_data(word_folder, "test"))
    assert evaluation.samples == 2
    scored: list[None] = []
    scores = evaluation.score(tmp_path, lambda: scored.append(None))
    assert scores == pytest.approx({"word_accuracy": 1 / 2, "one_minus_ned": 5 / 6})
    assert len(scored) == 2
    assert made.model.training
    (line,) = (tmp_path / "predictions.txt").read_text().splitlines()[1:]
    assert line.split("\t")[1:3] == ["two", "twa" if model == "crnnvgg128" else "tw.a"]


def test_a_word_without_letters_and_digits_is_right_for_parseq_if_none_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lmdb(tmp_path / "test", ["!"])
    made = shared("parseqtiny")
    monkeypatch.setattr("ocr_models.parseq.inference.decode", lambda logits: (["?"], torch.tensor([0.5])))
    assert made.evaluation is not None
    scores = made.evaluation(made.read_data(tmp_path, "test")).score(tmp_path, lambda: None)
    assert scores == {"word_accuracy": 1, "one_minus_ned": 1}


@each_recogniser
def test_reading_is_repeatable_and_leaves_the_network_as_it_was(model: str, word_folder: Path) -> None:
    """In evaluation mode: without dropout, and with the statistics that a batch norm has gathered."""
    made = task(model)
    before = {key: value.clone() for key, value in made.model.state_dict().items()}
    show = MODELS[model].load_show()
    assert show is not None
    words = made.read_data(word_folder, "train")
    first, second = (show(made, words, [], None) for _ in range(2))
    assert [panel.title for panel in first.panels] == [panel.title for panel in second.panels]
    assert len(first.panels) == len(WORDS)
    assert all(torch.equal(value, before[key]) for key, value in made.model.state_dict().items())


# one step


@each_recogniser
def test_a_step_has_a_gradient_for_every_parameter(model: str) -> None:
    for name, parameter in one_step(model).named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@each_recogniser
def test_a_step_has_the_tasks_parameters_and_no_others(model: str) -> None:
    step = one_step(model)
    assert {name.partition(".")[0] for name, _ in step.named_parameters()} == {"model"}
    assert len(list(step.parameters())) == len(list(step.model.parameters()))


def test_labels_that_do_not_fit_into_the_time_steps_are_counted() -> None:
    """The last one of the fixed batch does not."""
    made = shared("crnnvgg128")
    losses = TrainingStep(made)(batch_of("crnnvgg128"))
    assert losses["infeasible"].tolist() == [0, 0, 0, 0, 0, 1]
    assert losses["loss"].isfinite()
