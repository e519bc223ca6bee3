"""Convolutions that train in a millisecond per step, and fail as the environment variable TINY_FAULT says.

Its form is `<fault>@<position>[/<rank>]`. The position is that of a sample in the endless stream, or `setup`.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from torch.utils.data import default_collate

from benchmarks.harness.worker.probes import copy_rate, loader, matmul
from ocr_models.detection.pages import AnnotatedSet
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.scoring import detection_evaluation
from ocr_models.errors import DataError
from ocr_models.task import Batch, Evaluation, Lap, Reference, TrainingTask
from planted import planted

TEXT = np.array([(100, 100), (300, 110), (298, 180), (99, 170)], np.float64)  # the text of the tests' images
FIGURES = {
    "loss": 0.3303083376120662,
    "gradient_norm": 1.6185605575496376,
    "parameters": 6,
    "targets": 2.549239322761564,
}
REFERENCE_SAMPLES = 4
FIXED_SIZE = 64


def _raise(error: Exception) -> NoReturn:
    raise error


def _exhaust_address_space() -> None:
    """A real lack of memory: the allocation exceeds the limit of the process."""
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
    torch.empty(2**32, dtype=torch.uint8)


def _set_the_clock(seconds: float) -> None:
    """The clock of the system is set while the rank runs, as by NTP. Only this process sees it."""
    system_time = time.time
    time.time = lambda: system_time() + seconds


def _abort() -> None:
    """As an error of CUDA in a destructor ends a process. The true text: tests/nullcuda/test_faults.py."""
    os.write(2, b"terminate called after throwing an instance of 'c10::AcceleratorError'\n")
    os.write(2, b"  what():  CUDA error: unknown error\n")
    os.abort()


FAULTS: dict[str, Callable[[], object]] = {
    "exception": lambda: _raise(RuntimeError("a planted\nexception")),
    "address_space": _exhaust_address_space,
    "hoard": lambda: torch.empty(2**33, dtype=torch.uint8),  # without a limit nothing happens: nobody uses it
    "device_memory": lambda: _raise(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")),
    "address": lambda: _raise(RuntimeError("connection to 10.11.12.13:29500 refused")),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "abort": _abort,
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "clock_back": lambda: _set_the_clock(-30),
    "clock_ahead": lambda: _set_the_clock(3600),
    "noise": lambda: print("a line of the training\n" * 10_000),
    "print": lambda: print(os.environ["TINY_PRINTS"]),
    "hang": lambda: time.sleep(3600),
}


class Fault:
    """What goes wrong, when, and in which rank."""

    def __init__(self) -> None:
        name, _, rest = os.environ.get("TINY_FAULT", "").partition("@")
        self.name = name
        self.at, _, rank = rest.partition("/")
        self.here = rank in ("", os.environ.get("RANK"))

    def strike(self, at: str) -> None:
        if self.here and self.at == at and self.name in FAULTS:
            FAULTS[self.name]()


class TinyDataset:
    """Random pixels, drawn from the position."""

    def __init__(self, length: int, image_size: int, fault: Fault) -> None:
        self._length, self._size, self._fault = length, image_size, fault

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        return self.make(key, lambda _: None)

    def make(self, key: tuple[int, int], lap: Lap) -> tuple[Tensor, Tensor]:
        position = key[1]
        if self._fault.name == "bad_image" and self._fault.at == str(position):
            raise DataError("img_1.jpg: truncated JPEG (no end-of-image marker); replace the file")
        if self._fault.name == "kill_loader" and self._fault.at == str(position):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._fault.name == "slow_data":
            time.sleep(0.5)
        generator = torch.Generator().manual_seed(position)
        sample = torch.randn(3, self._size, self._size, generator=generator), torch.tensor(position)
        lap("draw")
        return sample


class TinyCriterion(nn.Module):
    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    def forward(self, outputs: Tensor, positions: Tensor) -> dict[str, Tensor]:
        at = str(int(positions[0]))  # a small model on the CPU may look at its data
        self._fault.strike(at)
        loss = outputs.square().mean()
        if self._fault.name == "slow":
            time.sleep(2.5)
        if self._fault.here and self._fault.name == "nan" and self._fault.at == at:
            loss = loss * float("nan")
        if self._fault.here and self._fault.name == "inf" and self._fault.at == at:
            loss = loss + float("inf")
        if self._fault.name == "wrong":
            loss = loss * 1.05
        if self._fault.name == "constant":
            loss = loss * 0 + 1
        return {"loss": loss}


class Unprepared(nn.Module):
    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images, positions = batch
        return images, positions


class TreeModel(nn.Module):
    """Images (N, 3, S, S) -> a tree of tensors, as of a network with several heads."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.heads = nn.ModuleList([nn.Conv2d(4, 1, 3), nn.Conv2d(4, 2, 3)])

    def forward(self, images: Tensor) -> dict[str, Tensor | list[Tensor]]:
        features = self.body(images)  # (N, 4, S - 2, S - 2)
        return {"features": features, "maps": [head(features) for head in self.heads]}


class TreeCriterion(nn.Module):
    def forward(self, outputs: dict[str, list[Tensor]], positions: Tensor) -> dict[str, Tensor]:
        return {"loss": torch.stack([each.square().mean() for each in outputs["maps"]]).sum()}


def training_task(*, image_size: int | None, seed: int, device: torch.device) -> TrainingTask:
    assert image_size is not None
    torch.manual_seed(seed)
    fault = Fault()
    fault.strike("setup")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))
    task = _task(model, TinyCriterion(fault), image_size, device, fault)
    if fault.name == "mismatch" and fault.here:

        def change_weights(*_: object) -> None:
            """DDP sends the parameters of rank 0 once. After that, this rank changes its own."""
            next(model.parameters()).data.add_(1e-3)

        task.optimizer.register_step_post_hook(change_weights)
    return planted(task)


def plain_training_task(*, image_size: int | None, seed: int, device: torch.device) -> TrainingTask:
    task = training_task(image_size=image_size, seed=seed, device=device)
    assert task.reference is not None
    return replace(task, reference=replace(task.reference, figures=None))


def fixed_training_task(*, image_size: int | None, seed: int, device: torch.device) -> TrainingTask:
    assert image_size is None
    torch.manual_seed(seed)
    return planted(replace(_task(TreeModel(), TreeCriterion(), FIXED_SIZE, device, Fault()), reference=None))


def _task(model: nn.Module, criterion: nn.Module, size: int, device: torch.device, fault: Fault) -> TrainingTask:
    if "LOCAL_RANK" in os.environ:  # the ranks of the tests need no probes that take seconds
        matmul.SIZE["cpu"], loader.LOADER_SECONDS, copy_rate.CPU_BYTES = 512, 0.2, 2**20
    on_gpu = device.type == "cuda"  # fused: no step waits for the GPU to learn whether its gradients overflowed
    optimizer = torch.optim.SGD(model.to(device).parameters(), lr=1e-2, fused=on_gpu)

    def make_dataset(data: AnnotatedSet) -> TinyDataset:
        return TinyDataset(len(data), size, fault)

    def schedule(steps: int) -> LRScheduler:
        return CosineAnnealingLR(optimizer, steps)

    def reference_batch() -> Batch:
        dataset = TinyDataset(REFERENCE_SAMPLES, size, fault)
        return tuple(default_collate([dataset[index, index] for index in range(REFERENCE_SAMPLES)]))

    return TrainingTask(
        model=model,
        prepare=Unprepared(),
        criterion=criterion,
        optimizer=optimizer,
        input_shape=(3, size, size),
        read_data=read_annotated_set,
        make_dataset=make_dataset,
        schedule=schedule,
        evaluation=_evaluation,
        reference=Reference(lambda model: None, reference_batch, FIGURES),
    )


def _evaluation(held_out: AnnotatedSet) -> Evaluation:
    return detection_evaluation(_detect, held_out)


def _detect(image: NDArray[np.uint8]) -> Sequence[NDArray[np.float64]]:
    return [] if "TINY_BLIND" in os.environ else [TEXT]
