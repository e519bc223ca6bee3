"""A convolution that trains in a millisecond a step, and fails in the way the environment variable TINY_FAULT names:

`<fault>@<position>[/<rank>]`, where the position is that of a sample in the endless stream, or `setup`.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Sequence

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from benchmarks.harness import reports
from ocr_models.data.icdar2015 import AnnotatedImage, DataError
from ocr_models.task import Batch, Lap, Reference, TrainingTask

TEXT = np.array([(100, 100), (300, 110), (298, 180), (99, 170)], np.float64)  # where the tests' images have theirs
FIGURES = {
    "loss": 0.3303083376120662,
    "gradient_norm": 1.6185605575496376,
    "parameters": 6,
    "targets": 3.369883963450719,
}


def _raise(error: Exception) -> None:
    raise error


def _exhaust_address_space() -> None:
    """Real lack of memory: the allocation meets the cap."""
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
    torch.empty(2**32, dtype=torch.uint8)


FAULTS = {
    "exception": lambda: _raise(RuntimeError("a planted\nexception")),
    "address_space": _exhaust_address_space,
    "device_memory": lambda: _raise(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")),
    "address": lambda: _raise(RuntimeError("connection to 10.11.12.13:29500 refused")),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "noise": lambda: print("a line of the training\n" * 10_000),
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

    def __init__(self, images: Sequence[AnnotatedImage], image_size: int, fault: Fault) -> None:
        self._length, self._size, self._fault = len(images), image_size, fault

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
            time.sleep(0.2)
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


def training_task(
    images: Sequence[AnnotatedImage], *, image_size: int, seed: int, device: torch.device
) -> TrainingTask:
    reports.MATMUL_SIZE["cpu"] = 512  # the tests' ranks need no yardstick that takes seconds
    torch.manual_seed(seed)
    fault = Fault()
    fault.strike("setup")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    if fault.name == "mismatch" and fault.here:  # DDP hands out rank 0's parameters once; this rank goes its own way
        optimizer.register_step_post_hook(lambda *_: model[0].weight.data.add_(1e-3))
    return TrainingTask(
        schedule=lambda steps: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps),
        detect=lambda image: [] if "TINY_BLIND" in os.environ else [TEXT],
        reference=Reference(lambda model: None, lambda batch: batch, FIGURES),
        model=model,
        prepare=Unprepared(),
        criterion=TinyCriterion(fault),
        optimizer=optimizer,
        dataset=TinyDataset(images, image_size, fault),
    )
