"""The data loader of one rank."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from multiprocessing.queues import Queue
from typing import Any, NamedTuple

import cv2
import torch
from torch import Tensor
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from benchmarks.harness.protocol.error_text import SHARED_MEMORY_ADVICE, one_line
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.worker.tensors import dtype_name
from ocr_models.errors import DataError
from ocr_models.sampler import EndlessSampler
from ocr_models.task import Batch, TrainingDataset

PREFETCHED_BATCHES = 2  # per loader process
SAMPLE_RULE = "a sample is a tuple of dense tensors on the CPU, or of what torch's default_collate turns into them"
NO_SEMAPHORE = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
"""Errors of a semaphore in /dev/shm that is full, not writable, or missing."""


def start_loader(loader: DataLoader[LoadedBatch]) -> Iterator[LoadedBatch]:
    """The stream of a loader, whose processes start now.

    Raises:
        DataError: if the system refuses them; one line.
        OSError: if there is not enough memory.
    """
    try:
        return iter(loader)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise
        advice = f"; {SHARED_MEMORY_ADVICE}" if error.errno in NO_SEMAPHORE else ""
        raise DataError(f"the loader processes cannot be started: {one_line(error)}{advice}") from error


class LoadedBatch(NamedTuple):
    """A batch as the loader delivers it. `keys`, (image index, position) of each sample, stay on the host."""

    batch: Batch
    keys: Sequence[Sequence[int]]


class KeyedDataset(Dataset[tuple[Any, tuple[int, int]]]):
    """Samples with the keys from which they were made, so that a rank can report what it was really trained on."""

    def __init__(self, dataset: TrainingDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
        return self._dataset[key], key


def make_loader(dataset: TrainingDataset, plan: Plan, rank: int, steps_done: int = 0) -> DataLoader[LoadedBatch]:
    """One endless stream of batches. No epoch ends, so no loader process starts inside the measured window."""
    case, workers = plan.case, plan.loader_workers
    sampler = EndlessSampler(
        len(dataset),
        seed=plan.seed,
        rank=rank,
        world_size=case.processes,
        start=steps_done * case.batch_size,
    )
    return DataLoader(
        KeyedDataset(dataset),  # type: ignore[arg-type]
        batch_size=case.batch_size_per_process,
        sampler=sampler,
        num_workers=workers,
        collate_fn=_collate,
        persistent_workers=workers > 0,
        prefetch_factor=PREFETCHED_BATCHES if workers else None,
        pin_memory=case.device == "cuda",
        multiprocessing_context="fork" if workers else None,  # they use neither CUDA nor threads of their parent
        worker_init_fn=_prepare_process,
    )


def _collate(samples: Sequence[tuple[Any, tuple[int, int]]]) -> LoadedBatch:
    return LoadedBatch(checked_batch(default_collate([sample for sample, _ in samples])), [key for _, key in samples])


def checked_batch(batch: Any) -> Batch:
    """Raises DataError if it is not a tuple of dense tensors on the CPU: only these can be pinned, and copied to the
    GPU while the host does other work.
    """
    if not isinstance(batch, tuple | list) or not batch:
        raise DataError(f"a sample of the data set is collated to {_described(batch)}; {SAMPLE_RULE}")
    for number, part in enumerate(batch, start=1):
        if not isinstance(part, Tensor) or part.device.type != "cpu" or part.layout != torch.strided:
            raise DataError(f"part {number} of the data set's samples is collated to {_described(part)}; {SAMPLE_RULE}")
    return tuple(batch)


def check_pinned(batch: Batch) -> None:
    """Raises DataError if a tensor is in pageable memory: the host would wait for its copy to the GPU."""
    for number, part in enumerate(batch, start=1):
        if part.numel() and not part.is_pinned():  # no memory, nothing to pin
            raise DataError(
                f"part {number} of a batch, {_described(part)}, is not in pinned memory: the loader must pin it"
            )


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    return f"a tensor of {dtype_name(value)} on {value.device} ({str(value.layout).removeprefix('torch.')})"


def _prepare_process(_: int) -> None:
    """A loader process works on one sample on one core. More threads would compete for the same cores."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    Queue._on_queue_feeder_error = _pass_on  # type: ignore[attr-defined]  # Python's hook for subclasses


def _pass_on(queue: Queue[object], error: Exception, item: tuple[int, object]) -> None:
    """Send an error instead of the batch that could not be sent, for example for want of shared memory or of a socket.
    Python only prints the error, and the rank would wait for the batch for ever.
    """
    worker = get_worker_info()
    failure = DataError(f"a batch cannot be sent to the rank: {one_line(error)}")
    where = f"in DataLoader worker process {0 if worker is None else worker.id}"
    queue.put((item[0], ExceptionWrapper((DataError, failure, error.__traceback__), where=where)))
