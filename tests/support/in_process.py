"""A speed case with one process, taken in the process of the test: set-up, training, probes and artifact are real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw, structs
from torch.utils.data import DataLoader

from benchmarks.harness.protocol.events import EventWriter
from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.stages import OTHER, PROBES, SET_UP, WARM_UP, WINDOW, Position
from benchmarks.harness.results import speed
from benchmarks.harness.results.speed_artifact import SpeedArtifact
from benchmarks.harness.worker import loader
from benchmarks.harness.worker.probes import copy_rate, matmul
from benchmarks.harness.worker.probes import loader as loader_probe
from benchmarks.harness.worker.set_up import set_up
from benchmarks.harness.worker.speed import measure_speed
from ocr_models.sampler import EndlessSampler
from samples import planned_run
from torch_settings import restored_settings


def measured_in_process(case: str, data: Path, folder: Path, *, size: int = 64, steps: int = 6) -> SpeedArtifact:
    """The artifact of a case with one process, after one warm-up step. Use it within `restored_torch`."""
    run = planned_run(case, data=data, image_size=size, steps=steps, warmup_steps=1, loader_workers=0)
    plan = structs.replace(run.plan, threads=1, run_folder=str(folder))
    events = EventWriter(folder, 0)
    try:
        measured = measure_speed(set_up(plan, 0, events, Position()))
    finally:
        events._file.close()
    run.records.extend(measured.records)
    own = Raw(msgspec.json.encode(measured.own))
    run.results.append(RankResult(0, measured.measured_seconds, measured.records, measured.report, own))
    run.seconds = measured.measured_seconds + 1
    run.phase_seconds = {SET_UP: 0.0, WARM_UP: 0.1, WINDOW: 0.2, PROBES: 0.3}
    run.parts = [(0.0, OTHER)]
    return speed.build(run, folder / "train_log", folder)


@contextmanager
def restored_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Afterwards torch and the harness are as they were, whatever a case has set and a planted defect has replaced."""
    monkeypatch.setattr(EndlessSampler, "__iter__", EndlessSampler.__iter__)
    monkeypatch.setattr(loader, "DataLoader", DataLoader)
    monkeypatch.setattr(loader_probe, "LOADER_SECONDS", 0.0)
    monkeypatch.setitem(matmul.SIZE, "cpu", 512)
    monkeypatch.setattr(copy_rate, "CPU_BYTES", 2**20)
    with restored_settings():
        yield
