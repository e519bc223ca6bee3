"""A training that resumes from a checkpoint, or refuses it in one line: what is odd, and what to do."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.harness.worker.resuming import restore
from benchmarks.harness.worker.trainer import Trainer
from benchmarks.harness.worker.training_state import TrainingIdentity, resumable_checkpoint, save, state_of
from ocr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from trainings import IDENTITY, PARAMETERS, RECIPES, interrupted, small_trainer, train

Content = dict[str, Any]
Change = Callable[[Content], object]


@pytest.fixture(scope="module", params=RECIPES)
def content(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Of a training that was interrupted after 32 of 160 steps."""
    path = tmp_path_factory.mktemp("saved") / "checkpoint.pt"
    trainer = small_trainer(request.param)
    train(trainer, range(32))
    save(trainer, interrupted(), IDENTITY, 320, path)
    return load_checkpoint(path)


def resume(path: Path, content: Content, steps: int = 160, identity: TrainingIdentity = IDENTITY) -> str:
    """What is wrong, one line; "" if the training can resume."""
    trainer = small_trainer("sgd" if "milestones" in content["schedule"] else "adamw")
    before = copy.deepcopy(trainer.model.state_dict())
    try:
        found = resumable_checkpoint(path, identity, steps, PARAMETERS)
        assert found is not None
        restore(trainer, found)
    except CheckpointError as error:
        message = str(error)
    else:
        return ""
    assert message.isprintable()
    assert len(message) < 1000
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
    return message


def changed(content: Content, path: Path, change: Change) -> Content:
    other = copy.deepcopy(content)
    change(other)
    torch.save(other, path)  # as save_checkpoint does, but without waiting for the disk
    return other


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("scaled", [True, False])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    recipe: str, scaled: bool, tmp_path: Path
) -> None:
    """Optimizer, schedule, scaler and random state continue, through the file of a checkpoint."""
    path = tmp_path / "checkpoint.pt"
    straight, cut, resumed = (small_trainer(recipe, scaled=scaled) for _ in range(3))
    torch.manual_seed(1)
    expected = train(straight, range(36))
    torch.manual_seed(1)
    train(cut, range(32))
    save(cut, interrupted(), IDENTITY, 320, path)
    torch.manual_seed(2)
    found = resumable_checkpoint(path, IDENTITY, 160, PARAMETERS)
    assert found is not None
    restore(resumed, found)
    assert resumed.scaler.get_scale() == (2.0**15 if scaled else 1)
    assert torch.equal(train(resumed, range(32, 36)), expected)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # of torch, if the first step is skipped
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("skipped", [1, 32])
def test_a_training_whose_steps_were_skipped_can_be_resumed(skipped: int, fused: bool, tmp_path: Path) -> None:
    """Some optimizers have no state if every step was skipped, others have made no step."""
    path = tmp_path / "checkpoint.pt"
    cut, resumed = (small_trainer("adamw", fused=fused) for _ in range(2))
    assert cut.schedule is not None
    for step in range(32):
        cut.model.weight.grad = torch.full((1, 3), 1.0 if step >= skipped else float("inf"))
        cut.scaler.scale(torch.ones(()))
        cut.scaler.step(cut.optimizer)
        cut.scaler.update()
        cut.schedule.step()
    state = interrupted()
    state.skipped_steps = skipped
    save(cut, state, IDENTITY, 320, path)
    found = resumable_checkpoint(path, IDENTITY, 160, PARAMETERS)
    assert found is not None
    restore(resumed, found)
    assert state_of(found).skipped_steps == skipped


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_checkpoint_may_have_another_memory_format_than_the_training_that_resumes(
    recipe: str, tmp_path: Path
) -> None:
    """A fused optimizer combines values by their place in memory, so state in another format belongs to others."""
    planes, last = torch.contiguous_format, torch.channels_last

    def convolution(memory_format: torch.memory_format) -> Trainer:
        torch.manual_seed(0)
        layer = nn.Conv2d(3, 4, 3).to(memory_format=memory_format)
        return small_trainer(recipe, scaled=False, fused=True, model=layer)

    def steps(made: Trainer, count: int) -> list[Tensor]:
        assert made.schedule is not None
        for _ in range(count):
            made.model(torch.rand(1, 3, 8, 8)).square().mean().backward()
            made.optimizer.step()
            made.optimizer.zero_grad()
            made.schedule.step()
        return [parameter.detach().clone() for parameter in made.model.parameters()]

    straight = convolution(planes)
    torch.manual_seed(1)
    steps(straight, 32)
    save(straight, interrupted(), IDENTITY, 320, tmp_path / "checkpoint.pt")
    random_state = torch.get_rng_state()
    expected = steps(straight, 3)
    for memory_format in (planes, last):
        found = resumable_checkpoint(tmp_path / "checkpoint.pt", IDENTITY, 160, PARAMETERS)
        assert found is not None
        resumed = convolution(memory_format)
        restore(resumed, found)
        torch.set_rng_state(random_state)
        torch.testing.assert_close(steps(resumed, 3), expected)


def test_its_losses_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    state = interrupted()
    state.losses = [{"loss": 1 / step, "loss_text": 0.1 * step} for step in range(1, 33)]
    save(small_trainer(), state, IDENTITY, 320, tmp_path / "checkpoint.pt")
    found = resumable_checkpoint(tmp_path / "checkpoint.pt", IDENTITY, 160, PARAMETERS)
    assert found is not None
    assert (state_of(found).losses, state_of(found).scores) == (state.losses, state.scores)
    assert state_of(found).resumed_at == [32]


def test_without_a_checkpoint_the_training_begins(tmp_path: Path) -> None:
    assert resumable_checkpoint(tmp_path / "none" / "checkpoint.pt", IDENTITY, 160, PARAMETERS) is None


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ({"seed": 1}, "checkpoint.pt is of another training: seed 0 instead of 1; run without --ocr-resume"),
        ({"steps": 20, "data": "x"}, "steps 160 instead of 20, data abc instead of x"),
        ({"nodes": 2}, "nodes None instead of 2"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    content: Content, identity: TrainingIdentity, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, content)
    assert message in resume(path, content, identity={**IDENTITY, **identity})


@pytest.mark.parametrize("steps", [32, 31, 10, 1])
def test_a_checkpoint_of_a_finished_training_is_refused(content: Content, steps: int, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, content)
    expected = "checkpoint.pt is of a finished training; run without --ocr-resume to train anew"
    assert resume(path, content, steps) == expected
    assert resume(path, content) == ""


NAN = float("nan")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of torch, about a prototype
    NESTED = torch.nested.as_nested_tensor([torch.zeros(1)])
ODD_VALUES: tuple[Any, ...] = (None, "x", -1, NAN, 10**30, True, [], {}, [[]], {"a": {}}, {1: 2}, torch.zeros(2), 0.5)


def without(name: str) -> Change:
    return lambda fields: fields.pop(name)


def having(name: str, value: object) -> Change:
    return lambda fields: fields.update({name: value})


@pytest.mark.parametrize("part", ["whole", "progress"])
def test_every_field_has_its_type(content: Content, part: str, tmp_path: Path) -> None:
    """Each field missing, each one of every other type, and one field too many."""
    path = tmp_path / "checkpoint.pt"

    def refused(change: Change) -> str:
        changed(content, path, lambda other: change(other if part == "whole" else other[part]))
        return resume(path, content)

    for name in content if part == "whole" else content[part]:
        assert refused(without(name)), name
        for value in ODD_VALUES:
            if not (name == "resumed_at" and value == []):
                assert refused(having(name, value)), (name, value)
    assert r"unknown field `more\n\x1b`" in refused(having("more\n\x1b", 1))


def first(state: dict[int, Content]) -> Content:
    return next(iter(state.values()))


def set_all(values: Content, value: Callable[[Any], Any]) -> None:
    values.update({key: value(old) for key, old in values.items()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["progress"].update(step=31), "contradicts itself: the training is not evaluated after step 31"),
        (lambda c: c["progress"].update(step=48), "does not have one score of each evaluation until step 48"),
        (lambda c: c["progress"]["scores"].pop(), "does not have one score of each evaluation"),
        (lambda c: c["progress"]["scores"].reverse(), "does not have one score of each evaluation"),
        (lambda c: c["progress"]["scores"][0].update(figures={}), "a score has no hmean"),
        (lambda c: c["progress"]["scores"][0].update(figures={"hmean": NAN}), "not a checkpoint of a training"),
        (lambda c: c["progress"]["scores"][0].update(figures={"hmean": 1.5}), "not a checkpoint of a training"),
        (lambda c: c["progress"]["scores"][0]["figures"].update(f1=0.5), "its scores have different names"),
        (lambda c: c["progress"]["scores"][0].update(training_seconds=41.0), "the seconds of its scores do not rise"),
        (lambda c: c["progress"].update(training_seconds=1e9), "the seconds of its scores do not rise"),
        (lambda c: c["progress"].update(resumed_at=[32]), "cannot have been resumed after these steps: [32]"),
        (lambda c: c["progress"].update(resumed_at=[16, 16]), "cannot have been resumed after these steps"),
        (lambda c: c["progress"].update(resumed_at=[7]), "cannot have been resumed after these steps"),
        (lambda c: c["losses"].pop("loss"), "it has no loss"),
        (lambda c: c["losses"].update(loss=torch.zeros(31, dtype=torch.float64)), "loss is not one number for each of"),
        (lambda c: c["losses"].update(loss=torch.zeros(32)), "loss is not one number for each of 32 steps"),
        (lambda c: c["losses"]["loss"].fill_(NAN), "loss is not finite in every step"),
        (lambda c: c["state_dict"].pop("bias"), "weights: missing: bias"),
        (lambda c: c["state_dict"].update(more=torch.zeros(1)), "weights: unexpected: more"),
        (lambda c: c["state_dict"].update(bias=torch.zeros(2)), "bias (2,) torch.float32 instead of (1,)"),
        (lambda c: c["state_dict"].update(bias=torch.zeros(1).half()), "bias (1,) torch.float16 instead of"),
        (lambda c: c["state_dict"].update(bias=torch.zeros(1).to_sparse()), "weights: of another shape: bias"),
        (lambda c: c["state_dict"].update(bias=NESTED), "weights: of another shape: bias nested torch.float32"),
        (lambda c: c["losses"].update(loss=NESTED), "loss is not one number for each of 32 steps"),
        (lambda c: c.update(random_state=NESTED), "the random numbers has another type or shape"),
        (lambda c: c["state_dict"]["bias"].fill_(NAN), "weights: not finite: bias"),
        (lambda c: c["state_dict"]["bias"].fill_(-float("inf")), "weights: not finite: bias"),
        (lambda c: c["state_dict"].update(bias=torch.zeros(1).expand(10**12)), "weights: of another shape: bias"),
        (lambda c: c["optimizer"].update(state={}), "optimizer: it has not the state of these parameters"),
        (lambda c: c["optimizer"]["state"].update({9: {}}), "optimizer: it has not the state of these parameters"),
        (lambda c: first(c["optimizer"]["state"]).clear(), "optimizer: the state of parameter 0 has not the entries"),
        (lambda c: set_all(first(c["optimizer"]["state"]), lambda v: v.new_zeros(5)), "another type or shape"),
        (lambda c: set_all(first(c["optimizer"]["state"]), lambda v: v.fill_(NAN)), "or is not finite"),
        (lambda c: set_all(first(c["optimizer"]["state"]), lambda v: "x"), "another type or shape"),
        (lambda c: c["optimizer"].pop("state"), "optimizer: it has not the state"),
        (lambda c: c["optimizer"].update(param_groups=[]), "optimizer has 0 entries instead of 1"),
        (lambda c: c["optimizer"]["param_groups"][0].update(lr=1e9), "optimizer: lr is 1000000000.0 instead of"),
        (lambda c: c["optimizer"]["param_groups"][0].update(weight_decay=NAN), "weight_decay is nan instead"),
        (lambda c: c["optimizer"]["param_groups"][0].update(params=[0]), "params has 1 entries instead of 2"),
        (lambda c: c["optimizer"]["param_groups"][0].pop("lr"), "optimizer has other entries than lr"),
        (lambda c: c["schedule"].update(last_epoch=99), "schedule: last_epoch is 99 instead of 32"),
        (lambda c: c["schedule"].pop("last_epoch"), "schedule has other entries than"),
        (lambda c: c["schedule"].update(_last_lr=[NAN]), "schedule: _last_lr is nan instead of"),
        (lambda c: c["scaler"].update(scale=0.0), "scaler: its scale is 0.0"),
        (lambda c: c["scaler"].update(scale=NAN), "scaler: its scale is nan"),
        (lambda c: c["scaler"].update(growth_factor=9.0), "scaler: growth_factor is 9.0 instead of 2.0"),
        (lambda c: c["scaler"].clear(), "scaler: its scale is None after None good steps"),
        (lambda c: c["scaler"].pop("growth_factor"), "scaler has other entries than scale"),
        (lambda c: c.update(random_state=torch.zeros(3)), "the random numbers has another type or shape"),
        (lambda c: c["random_state"].fill_(255), "the state of the random numbers is damaged"),
    ],
)  # fmt: skip
def test_an_odd_checkpoint_is_refused_and_nothing_is_loaded(
    content: Content, change: Change, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.pt"
    changed(content, path, change)
    assert message in resume(path, content)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", -5.0, "optimizer: parameter 0 has made -5 of 32 steps"),
        ("step", 33.0, "optimizer: parameter 0 has made 33 of 32 steps"),
        ("exp_avg_sq", -1.0, "optimizer: exp_avg_sq of parameter 0 is negative, which no square is"),
    ],
)
def test_an_impossible_state_of_the_optimizer_is_refused(
    content: Content, name: str, value: float, message: str, tmp_path: Path
) -> None:
    if "milestones" in content["schedule"]:
        return  # SGD has no such numbers
    path = tmp_path / "checkpoint.pt"
    changed(content, path, lambda c: first(c["optimizer"]["state"])[name].fill_(value))
    assert message in resume(path, content)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "checkpoint.pt is not a checkpoint that can be read safely"),
        ("cut", "checkpoint.pt is not a checkpoint that can be read safely"),
        ("fifo", "checkpoint.pt cannot be read: Not a regular file; run without --ocr-resume to train anew"),
        ("folder", "checkpoint.pt cannot be read: Is a directory"),
        ("loop", "checkpoint.pt cannot be read: Too many levels of symbolic links"),
        ("long", "cannot be read: File name too long"),
        ("below a file", "cannot be read: Not a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: Content, kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(tmp_path / "good.pt", content)
    whole = (tmp_path / "good.pt").read_bytes()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "long":
        path = tmp_path.joinpath(*["x" * 200] * 25, "checkpoint.pt")
    elif kind == "below a file":
        path = tmp_path / "good.pt" / "checkpoint.pt"
    else:
        path.write_bytes(b"" if kind == "empty" else whole[: len(whole) // 2])
    assert message in resume(path, content)
