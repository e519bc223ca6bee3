"""fp16 on the device: steps whose gradient overflows, and what is recorded of them without a wait."""

from __future__ import annotations

import itertools
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.probes.memory import MemoryWatch
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.optimizers import Adadelta
from ocr_models.task import Batch, TrainingTask
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

CUDA = torch.device("cuda", 0)


class Inputs(nn.Module):
    def forward(self, batch: Batch) -> tuple[Tensor, None]:
        return batch[0], None


class Square(nn.Module):
    def forward(self, outputs: Tensor, _: object) -> dict[str, Tensor]:
        return {"loss": outputs.square().mean()}


def steps(optimizer: str, overflows: int, rate_on_gpu: bool = False) -> dict[str, Any]:
    """Four steps, the first ones of which overflow: their records and rates, and the calls that made the host wait."""
    model = nn.Linear(8, 8).to(CUDA)
    made: torch.optim.Optimizer
    if optimizer == "Adadelta":
        made = Adadelta(model.parameters(), lr=0.1)
    else:
        options = {"momentum": 0.9} if optimizer == "SGD" else {}
        made = getattr(torch.optim, optimizer)(model.parameters(), lr=0.1, fused=True, **options)
    if rate_on_gpu:
        made.param_groups[0]["lr"] = torch.tensor(0.1, device=CUDA)
    unused = cast(Any, None)
    task = TrainingTask(model, Inputs(), Square(), made, (8,), unused, unused, unused)
    trainer = Trainer(task, parse_case("psenet_sp_bs2_fp16_1"), CUDA, Position())
    batch = LoadedBatch((torch.randn(2, 8).pin_memory(),), [(0, 0), (1, 1)])
    records: list[StepRecord] = []
    clock = StepClock(CUDA, 4, records.append)
    clock.begin(warmup=False)
    device.reset()
    if overflows:
        device.plant("overflows", 1, 1, overflows)
    with no_host_wait():
        trainer.run(itertools.repeat(batch), 4, clock)
    waits = [device.count(name) for name in ("device_waits", "stream_waits", "event_waits", "pageable_copies")]
    clock.finish()
    return {
        "records": [(record.loss_scale, record.skipped) for record in records],
        "waits": sum(waits),
        "rates": [round(float(rate), 6) for rate in trainer.learning_rates],
    }


def memory() -> dict[str, Any]:
    """Peaks of measured steps that need less than the steps before them, beyond what other checks have left."""
    allocated, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    large = torch.empty(2**28, dtype=torch.uint8, device=CUDA)
    del large
    watch = MemoryWatch(CUDA)
    small = torch.empty(2**26, dtype=torch.uint8, device=CUDA)
    del small
    peaks = watch.peaks()
    assert peaks.peak_reserved_bytes is not None
    assert peaks.run_peak_reserved_bytes is not None
    torch.cuda.empty_cache()
    return {
        "peak": peaks.peak_memory_bytes - allocated,
        "reserved": peaks.peak_reserved_bytes - reserved,
        "run": peaks.run_peak_reserved_bytes - reserved,
    }
