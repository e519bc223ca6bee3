"""The data loader of one rank."""

from __future__ import annotations

import cv2
import torch
from torch.utils.data import DataLoader

from benchmarks.harness.protocol.plan import Plan
from ocr_models.sampler import EndlessSampler
from ocr_models.task import Batch, TrainingDataset

PREFETCHED_BATCHES = 2  # per loader process


def make_loader(dataset: TrainingDataset, plan: Plan, rank: int, steps_done: int = 0) -> DataLoader[Batch]:
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
        dataset,  # type: ignore[arg-type]
        batch_size=case.batch_size_per_process,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=PREFETCHED_BATCHES if workers else None,
        pin_memory=case.device == "cuda",
        multiprocessing_context="fork" if workers else None,  # they use neither CUDA nor threads of their parent
        worker_init_fn=_use_one_thread,
    )


def _use_one_thread(_: int) -> None:
    """A loader process works on one sample on one core. More threads would compete for the same cores."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
