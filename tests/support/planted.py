"""Defects of a training that still runs to its end: each makes a result that is not what its case says.

A function changes a training task, or what the harness uses around it, in the process that calls it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.harness.worker import loader
from ocr_models.sampler import EndlessSampler
from ocr_models.task import TrainingTask

Plant = Callable[[TrainingTask], TrainingTask]


def learning_rate_0(task: TrainingTask) -> TrainingTask:
    for group in task.optimizer.param_groups:
        group["lr"] = 0.0
    return task


def idle_optimizer(task: TrainingTask) -> TrainingTask:
    """Its step does nothing."""
    task.optimizer.step = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    return task


def forgotten_parameter(task: TrainingTask) -> TrainingTask:
    """The optimizer does not have one parameter of the model."""
    task.optimizer.param_groups[0]["params"].pop()
    return task


def optimizer_of_a_copy(task: TrainingTask) -> TrainingTask:
    """The model was replaced after its optimizer had been made."""
    return replace(task, model=copy.deepcopy(task.model))


def frozen_by_a_rate_of_0(task: TrainingTask) -> TrainingTask:
    """One of two groups has the learning rate 0."""
    group = task.optimizer.param_groups[0]
    task.optimizer.add_param_group({"params": [group["params"].pop(0)], "lr": 0.0})
    return task


def zero_gradients(task: TrainingTask) -> TrainingTask:
    for parameter in task.model.parameters():
        parameter.register_hook(torch.zeros_like)
    return task


class _FirstSample(nn.Module):
    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, batch: Any) -> Any:
        return self.prepare(tuple(tensor[:1] for tensor in batch))


def first_sample_only(task: TrainingTask) -> TrainingTask:
    """The network gets the first sample of a batch."""
    return replace(task, prepare=_FirstSample(task.prepare))


def batch_of_1(task: TrainingTask) -> TrainingTask:
    """The loader makes batches of one sample."""
    module: Any = loader
    made = module.DataLoader
    module.DataLoader = lambda *args, **given: made(*args, **{**given, "batch_size": 1})
    return task


class _LowPrecision(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images.bfloat16()).float()


def low_precision(task: TrainingTask) -> TrainingTask:
    """A case in fp32 trains in bfloat16."""
    task.model.bfloat16()
    return replace(task, model=_LowPrecision(task.model))


class _Capped(nn.Module):
    """A network that scales its images down first."""

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network, self.side = network, side

    def forward(self, images: Tensor) -> Any:
        return self.network(F.interpolate(images, self.side, mode="bilinear"))


def capped_in_the_model(task: TrainingTask) -> TrainingTask:
    return replace(task, model=_Capped(task.model, task.input_shape[-1] // 2))


class _Smaller(nn.Module):
    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, batch: Any) -> Any:
        images, targets = self.prepare(batch)
        return images[..., : images.shape[-1] // 2], targets


def capped_in_prepare(task: TrainingTask) -> TrainingTask:
    return replace(task, prepare=_Smaller(task.prepare))


def _sampler(keys: Callable[[EndlessSampler], Iterator[tuple[int, int]]]) -> None:
    """The sampler of this process yields other keys."""
    EndlessSampler.__iter__ = keys  # type: ignore[method-assign]


REAL_KEYS = EndlessSampler.__iter__


def shard_of_rank_0(task: TrainingTask) -> TrainingTask:
    """Every rank gets the samples of rank 0."""

    def keys(sampler: EndlessSampler) -> Iterator[tuple[int, int]]:
        sampler.rank = 0
        return REAL_KEYS(sampler)

    _sampler(keys)
    return task


def one_index(task: TrainingTask) -> TrainingTask:
    """The sampler yields one image for ever."""
    _sampler(lambda sampler: ((0, position) for _, position in REAL_KEYS(sampler)))
    return task


def one_key(task: TrainingTask) -> TrainingTask:
    """The sampler yields one image and position for ever."""

    def keys(sampler: EndlessSampler) -> Iterator[tuple[int, int]]:
        while True:
            yield 0, 0

    _sampler(keys)
    return task


def new_epoch_each_time(task: TrainingTask) -> TrainingTask:
    """The sampler yields one image for ever and claims a new epoch each time."""
    _sampler(lambda sampler: ((0, position * sampler.length) for _, position in REAL_KEYS(sampler)))
    return task


def own_shuffling(task: TrainingTask) -> TrainingTask:
    """Each rank shuffles by itself and goes through all images, so ranks have images in common."""

    def keys(sampler: EndlessSampler) -> Iterator[tuple[int, int]]:
        sampler.seed += sampler.rank
        return REAL_KEYS(sampler)

    _sampler(keys)
    return task


class _OneSample:
    """A data set that makes the same sample whatever it is asked for."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return self.dataset[0, 0]

    def make(self, key: tuple[int, int], lap: Any) -> Any:
        return self.dataset.make((0, 0), lap)


def one_sample(task: TrainingTask) -> TrainingTask:
    return replace(task, make_dataset=lambda data: _OneSample(task.make_dataset(data)))


class _Eager(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return torch.compiler.disable(self.network)(images)


def eager_model(task: TrainingTask) -> TrainingTask:
    """torch.compile leaves the network out."""
    return replace(task, model=_Eager(task.model))


PLANTS: dict[str, Plant] = {
    each.__name__: each
    for each in (
        learning_rate_0,
        idle_optimizer,
        forgotten_parameter,
        optimizer_of_a_copy,
        frozen_by_a_rate_of_0,
        low_precision,
        zero_gradients,
        first_sample_only,
        batch_of_1,
        capped_in_the_model,
        capped_in_prepare,
        shard_of_rank_0,
        one_index,
        one_key,
        new_epoch_each_time,
        own_shuffling,
        one_sample,
        eager_model,
    )
}


def planted(task: TrainingTask) -> TrainingTask:
    """The task with the defect that the environment variable TINY_PLANT names, if it names one."""
    name = os.environ.get("TINY_PLANT")
    return task if name is None else PLANTS[name](task)
