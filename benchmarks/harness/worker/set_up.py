"""Everything that a rank prepares before its first step, the same for every measurement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from msgspec import structs
from torch.optim.lr_scheduler import LRScheduler

from benchmarks.cases import Case
from benchmarks.harness.protocol.data_folder import wait_for_data_folder
from benchmarks.harness.protocol.error_text import first_line
from benchmarks.harness.protocol.events import EventWriter, OnGpu, Phase
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.backends import prepare_torch
from benchmarks.harness.worker.exceptions import DeviceError
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.loader import LoadedBatch, make_loader, start_loader
from benchmarks.harness.worker.numa import bind_to_gpu
from benchmarks.harness.worker.precision import check_precision
from benchmarks.harness.worker.trainer import Trainer
from ocr_models import MODELS
from ocr_models.cache import default_cache_dir
from ocr_models.task import DataSet, TrainingDataset, TrainingTask, build_task


@dataclass(frozen=True)
class SetUp:
    """What a measurement works with, in one rank.

    Attributes:
        rank, local_rank: of this process, over all nodes and on this node.
        data: the training split; `dataset` makes its samples.
        position: where this rank is; written by the trainer and by the measurement.
        group: all ranks of the case.
    """

    plan: Plan
    rank: int
    local_rank: int
    device: torch.device
    task: TrainingTask
    data: DataSet
    dataset: TrainingDataset
    events: EventWriter
    position: Position
    group: Group

    @property
    def case(self) -> Case:
        return self.plan.case

    def begin(self, phase: str) -> None:
        """Report that a phase begins."""
        self.events.write(Phase(phase))

    def timed(self, part: str) -> AbstractContextManager[None]:
        """Count the seconds of the block as this part of the fixed time."""
        return self.events.timed(part)

    def trainer(self, schedule: LRScheduler | None = None) -> Trainer:
        """Raises PrecisionError if anything that was imported or built has changed torch's arithmetic."""
        with self.timed("trainer"):
            mode = self.plan.compile_mode or "default"
            trainer = Trainer(self.task, self.case, self.device, self.position, schedule, mode)
            check_precision(self.case)
            return trainer

    def batches(self, steps_done: int) -> Iterator[LoadedBatch]:
        """The endless stream of this rank's batches after `steps_done` steps, from new loader processes."""
        return start_loader(make_loader(self.dataset, self.plan, self.rank, steps_done))


def set_up(plan: Plan, local_rank: int, events: EventWriter, position: Position) -> SetUp:
    """Set torch, build the task, read the data and meet the other ranks.

    Raises:
        DataError: if the data cannot be used.
        RuntimeError: if there is no such device, or the ranks do not meet.
    """
    case = plan.case
    torch.set_num_threads(plan.threads)
    prepare_torch(case)
    with events.timed("device"):
        device = rank_device(case, local_rank)
        if device.type == "cuda":
            address = gpu_address(device)
            events.write(address)
            bind_to_gpu(address.bus_id)
    with events.timed("imports"):
        builder = MODELS[case.model].load_task_builder()
    with events.timed("task"):
        task = build_task(
            builder,
            image_size=plan.image_size,
            seed=plan.seed,
            device=device,
            precision=case.precision,
            augment=plan.augment,
        )
    with events.timed("data"):
        plan = structs.replace(plan, data=plan.data or wait_for_data_folder(Path(plan.run_folder)))
        data = _read_data(task, plan)
        dataset = task.make_dataset(data)
    rank = plan.local_ranks[local_rank]
    with events.timed("group"):
        group = Group(case, rank, device, plan.timeout_seconds)
    return SetUp(
        plan=plan,
        rank=rank,
        local_rank=local_rank,
        device=device,
        task=task,
        data=data,
        dataset=dataset,
        events=events,
        position=position,
        group=group,
    )


def _read_data(task: TrainingTask, plan: Plan) -> DataSet:
    assert plan.data is not None, "the launcher publishes the folder of synthetic data"
    data = task.read_data(Path(plan.data), "train")
    return data.with_decoded_images(default_cache_dir()) if plan.image_cache == "decoded" else data


def rank_device(case: Case, local_rank: int) -> torch.device:
    """The device of a rank, made current.

    Raises:
        DeviceError: if torch finds no such GPU. The CPU never replaces it.
    """
    if case.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DeviceError(
            f"{case} needs CUDA, and this torch ({torch.__version__}) finds no usable CUDA GPU: {_why_no_cuda()}"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


def gpu_address(device: torch.device) -> OnGpu:
    """How the pytest process finds the GPU in NVML, which counts GPUs in another order than CUDA."""
    properties: Any = torch.cuda.get_device_properties(device)
    domain, bus, slot = (getattr(properties, f"pci_{name}_id", None) for name in ("domain", "bus", "device"))
    bus_id = "" if None in (domain, bus, slot) else f"{domain:08X}:{bus:02X}:{slot:02X}.0"  # since torch 2.9
    return OnGpu(str(getattr(properties, "uuid", "")), bus_id)


def _why_no_cuda() -> str:
    """What torch says if it has to use CUDA: no driver, one that is too old, a torch without CUDA, no GPU."""
    try:
        torch.cuda.init()
    except (AssertionError, RuntimeError) as error:
        return first_line(error)
    return "it does not say why"
