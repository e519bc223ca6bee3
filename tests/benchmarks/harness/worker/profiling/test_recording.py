"""A trace of a real step on the CPU, and what is left of it for others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.profiling.analysis import Analysis, Profiled
from benchmarks.harness.worker.profiling.events import read_events
from benchmarks.harness.worker.profiling.recording import activities, export, in_range, recording, stripped
from benchmarks.harness.worker.trainer import Trainer
from tiny_task import fixed_training_task

CPU = torch.device("cpu")
BATCH = LoadedBatch((torch.randn(2, 3, 64, 64), torch.tensor([0, 1])), [(0, 0), (1, 1)])


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of one step, after one that settles."""
    task = fixed_training_task(image_size=None, seed=0, device=CPU)
    trainer = Trainer(task, parse_case("tinyfixed_sp_bs2_fp32_cpu1"), CPU, Position())

    def take() -> None:
        clock = StepClock(CPU, 1, lambda _: None)
        clock.begin(warmup=False)
        trainer.run(itertools.repeat(BATCH), 1, clock)

    with recording(CPU, settle=take) as profiler:
        in_range(take)
    folder: Path = tmp_path_factory.mktemp("trace")
    content = export(profiler.export_chrome_trace, folder)
    assert list(folder.iterdir()) == []
    return content


def test_a_step_is_found_with_its_operators_groups_and_parts(trace: bytes) -> None:
    found = Analysis(Profiled(read_events(trace), 1, 0.0, on_gpu=False))
    own, detail = found.rank_profile(0, communicates=False), found.detail([])
    assert 0 < own.busy_seconds <= own.profiled_seconds
    groups = {each.group: set(each.parts) for each in detail.groups}
    assert {"forward", "backward"} <= groups["convolution"]
    assert {"loss", "backward"} <= groups["loss"]
    assert "optimizer" in groups["optimiser"]
    names = [each.name for each in detail.top_operators]
    assert {"aten::conv2d", "aten::convolution_backward"} <= set(names)
    assert sum(each.seconds_per_step for each in detail.groups) == pytest.approx(own.busy_seconds)


def test_a_stripped_trace_has_no_host_no_folder_and_only_known_arguments(trace: bytes) -> None:
    document = json.loads(trace)
    assert {"host_name", "traceName"} <= document.keys()
    document["traceEvents"][0].setdefault("args", {})["Call stack"] = "/home/alice/train.py(3): step"
    found = stripped(json.dumps(document).encode())
    assert found.keys() <= {"schemaVersion", "deviceProperties", "displayTimeUnit", "traceEvents"}
    assert "alice" not in json.dumps(found)
    assert len(found["traceEvents"]) == len(document["traceEvents"])


def test_only_a_gpu_has_activities_of_a_device() -> None:
    assert len(activities(CPU)) == 1
    assert len(activities(torch.device("cuda"))) == 2
