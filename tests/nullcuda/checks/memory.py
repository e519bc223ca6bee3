"""The memory of a training step on the device: its allocator is torch's own, so its figures are real."""

from __future__ import annotations

import dataclasses
import gc
from pathlib import Path
from typing import Any

import msgspec
import torch

from benchmarks.components.resident import resident_task
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.probes.batch_peaks import batch_peaks
from benchmarks.harness.worker.probes.memory_gauge import AllocatorWatch, gauge_of
from benchmarks.harness.worker.probes.memory_parts import observed_moments, peak_moment, step_memory
from benchmarks.harness.worker.probes.memory_snapshot import snapshot
from benchmarks.harness.worker.trainer import Trainer


def parts(case_name: str, data: str, image_size: int, snapshot_path: str) -> dict[str, Any]:
    """All that a memory case finds after its measured steps, its moments, and the peak of an undisturbed step."""
    gc.collect()  # of earlier calls in this process
    torch._C._cuda_clearCublasWorkspaces()
    case, task, on_gpu = resident_task(case_name, Path(data), image_size)
    trainer = Trainer(task, case, on_gpu[0].device, Position())
    gauge, watch = gauge_of(trainer.device), AllocatorWatch(trainer.device)
    set_up = gauge.read()
    host = tuple(each.cpu().pin_memory() for each in on_gpu)
    del on_gpu
    for _ in range(3):
        trainer.step(trainer.on_device(host))
    gauge.release()
    gauge.restart()
    for _ in range(2):
        trainer.step(trainer.on_device(host))
    peak, reserved = gauge.read().peak_bytes, gauge.peak_reserved()
    batch = trainer.on_device(host)
    step, tensors = step_memory(task, trainer, batch, gauge, set_up)
    moments = observed_moments(task, trainer, batch, gauge)
    peaks, note = batch_peaks(trainer, host, gauge)
    written, why_not = snapshot(Path(snapshot_path), lambda: trainer.step(trainer.on_device(host)))
    found = {
        "peak": peak,
        "reserved": reserved,
        "step": step,
        "tensors": tensors,
        "moments": [dataclasses.asdict(each) for each in moments],
        "moment": peak_moment(moments, None),
        "batch_peaks": peaks,
        "notes": [note, why_not],
        "events": watch.events(),
        "snapshot": written,
    }
    result: dict[str, Any] = msgspec.to_builtins(found)
    return result
