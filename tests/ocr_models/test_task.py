"""What a builder of training tasks is given."""

from __future__ import annotations

import functools
from typing import Any, cast

import pytest
import torch

from ocr_models.task import TaskBuilder, build_task

GIVEN: dict[str, Any] = {"image_size": 64, "seed": 3, "device": torch.device("cpu")}


def plain(*, image_size: Any, seed: Any, device: Any) -> Any:
    return {"image_size": image_size, "seed": seed, "device": device}


def with_precision(*, image_size: Any, seed: Any, device: Any, precision: str) -> Any:
    return plain(image_size=image_size, seed=seed, device=device) | {"precision": precision}


def with_everything(**given: Any) -> Any:
    return given


class Builder:
    def __call__(self, *, image_size: Any, seed: Any, device: Any, memory_format: Any = "own") -> Any:
        return plain(image_size=image_size, seed=seed, device=device) | {"memory_format": memory_format}


@pytest.mark.parametrize(
    ("builder", "added"),
    [
        (plain, {}),
        (functools.partial(plain), {}),
        (with_precision, {"precision": "bf16"}),
        (with_everything, {"precision": "bf16", "memory_format": None, "augment": True}),
        (Builder(), {"memory_format": None}),
    ],
)
def test_a_builder_gets_the_arguments_that_it_takes(builder: Any, added: dict[str, Any]) -> None:
    made: Any = build_task(cast(TaskBuilder, builder), **GIVEN, precision="bf16")
    assert made == GIVEN | added


def test_a_memory_format_is_passed_to_a_builder_that_takes_one_and_is_an_error_for_another() -> None:
    last = torch.channels_last
    for builder in (with_everything, Builder()):
        made: Any = build_task(cast(TaskBuilder, builder), **GIVEN, precision="fp32", memory_format=last)
        assert made["memory_format"] is last
    with pytest.raises(ValueError, match="its task builder takes no `memory_format`"):
        build_task(cast(TaskBuilder, with_precision), **GIVEN, precision="fp32", memory_format=last)


def test_samples_are_left_as_they_are_only_by_a_builder_that_can_do_so() -> None:
    made: Any = build_task(cast(TaskBuilder, with_everything), **GIVEN, precision="fp32", augment=False)
    assert made["augment"] is False
    with pytest.raises(ValueError, match="its task builder takes no `augment`"):
        build_task(cast(TaskBuilder, with_precision), **GIVEN, precision="fp32", augment=False)
