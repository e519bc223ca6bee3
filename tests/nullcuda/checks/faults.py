"""Errors of CUDA planted in each stage of a training: the failure that a rank would report."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.stages import PROBES, Position
from benchmarks.harness.worker.exceptions import failure_kind, print_and_find_cause
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.probes.matmul import matmul_tflops
from tests.nullcuda import device
from tests.nullcuda.checks.steps import Steps, prepared
from tests.nullcuda.errors import CudaError, CudnnStatus

CASE = "tinyfixed_sp_bs2_fp16_1"


def failure(stage: str, counter: str, n: int, error: int, times: int, data: str) -> list[str | None]:
    """Kind and line of the failure if an error is planted when a step reaches a stage; the stage where it was seen."""
    held: list[Exception] = []  # and the pinned tensors of its frames: torch aborts as it frees them on a broken device
    try:
        with prepared(CASE, data, None) as steps:
            try:
                _run(steps, stage, _planter(stage, counter, n, error, times))
                steps.clock.finish()
            except Exception as raised:
                gc.disable()  # as a rank
                held.append(raised)
                position = steps.trainer.position
                cause = print_and_find_cause(raised, position)
                return [failure_kind(cause, position.stage), one_line(cause), position.stage]
        return [None, None, None]
    finally:
        gc.enable()


def free_of_a_pinned_tensor_fails() -> None:
    """torch ends the process."""
    pinned = torch.zeros(1000).pin_memory()
    copy = torch.zeros(1000, device="cuda")
    copy.copy_(pinned, non_blocking=True)
    device.plant("event_records", 1, CudaError.UNKNOWN)
    del pinned


def _planter(stage: str, counter: str, n: int, error: int, times: int) -> Callable[[str], None]:
    def plant(at: str) -> None:
        if at == stage:
            torch.cuda.empty_cache()  # the next tensor needs memory of the device
            torch._C._host_emptyCache()
            device.plant(counter, n, error, times)
            if error in (CudaError.MEMORY_ALLOCATION, CudnnStatus.DEVICE_ALLOCATION_FAILED):
                device.fill_memory()

    return plant


def _run(steps: Steps, stage: str, plant: Callable[[str], None]) -> None:
    """A step whose stages report that they begin, and a probe behind it."""
    trainer = steps.trainer
    trainer.position = _ReportingPosition(plant)
    batches = _pinned_by_a_thread(steps.batch, plant) if stage == "pin" else itertools.repeat(steps.batch)
    trainer.run(batches, 2, steps.clock)
    trainer.position = Position(stage=PROBES)
    plant(PROBES)
    matmul_tflops(trainer.device, torch.float16)


class _ReportingPosition(Position):
    """Says when a step reaches a stage."""

    def __init__(self, reached: Callable[[str], None]) -> None:
        super().__init__()
        object.__setattr__(self, "_reached", reached)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "stage" and hasattr(self, "_reached"):
            self._reached(str(value))


def _pinned_by_a_thread(batch: LoadedBatch, plant: Callable[[str], None]) -> Iterator[LoadedBatch]:
    """As the loader's: its thread pins each batch."""
    images = batch.batch[0].repeat(2, 1, 1, 1)
    loader = DataLoader(TensorDataset(images), batch_size=len(batch.batch[0]), num_workers=1, pin_memory=True)
    plant("pin")
    for (pinned,) in loader:
        yield LoadedBatch((pinned, batch.batch[1]), batch.keys)
