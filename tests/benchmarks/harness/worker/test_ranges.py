"""The ranges of a step, as torch's profiler and NVTX get them."""

from __future__ import annotations

import itertools
import time

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.ranges import RANGES, StepRange
from benchmarks.harness.worker.trainer import Trainer
from tiny_task import fixed_training_task

CPU = torch.device("cpu")
BATCH = LoadedBatch((torch.randn(2, 3, 64, 64), torch.tensor([0, 1])), [(0, 0), (1, 1)])
MOST_MICROSECONDS = 20.0
"""Of a range without a profiler: about 1.3 on a machine at rest."""


def run_steps(steps: int) -> None:
    trainer = Trainer(
        fixed_training_task(image_size=None, seed=0, device=CPU),
        parse_case("tinyfixed_sp_bs2_fp32_cpu1"),
        CPU,
        Position(),
    )
    clock = StepClock(CPU, steps, lambda record: None)
    clock.begin(warmup=False)
    trainer.run(itertools.repeat(BATCH), steps, clock)


@pytest.fixture
def nvtx(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What NVTX gets: names of ranges that begin, and "end"."""
    calls: list[str] = []
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda.nvtx, "range_push", calls.append)
    monkeypatch.setattr(torch.cuda.nvtx, "range_pop", lambda: calls.append("end"))
    return calls


def test_nvtx_gets_the_parts_of_each_step_in_order(nvtx: list[str]) -> None:
    run_steps(2)
    assert nvtx == [each for _ in range(2) for name in RANGES for each in (name, "end")]


def test_torchs_profiler_gets_the_same_ranges(nvtx: list[str]) -> None:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run_steps(2)
    begins: dict[str, list[float]] = {name: [] for name in RANGES}
    for event in profiler.events():
        if event.name in begins:
            begins[event.name].append(event.time_range.start)
    assert {name: len(found) for name, found in begins.items()} == dict.fromkeys(RANGES, 2)
    assert sorted(RANGES, key=lambda name: begins[name][0]) == list(RANGES)


def test_a_range_ends_with_an_error_in_it(nvtx: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), StepRange("forward"):
        _ = 1 / 0
    assert nvtx == ["forward", "end"]


def test_a_torch_without_cuda_has_no_nvtx(nvtx: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    run_steps(1)
    assert nvtx == []


def test_without_a_profiler_a_range_costs_microseconds() -> None:
    """Six of them per step of tens of milliseconds."""
    count, seconds = 200, []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            with StepRange("forward"):
                pass
        seconds.append((time.perf_counter() - start) / count)
    assert min(seconds) * 1e6 < MOST_MICROSECONDS


def test_a_compiled_step_has_no_range_in_its_graph(nvtx: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What `torch.compile` gets is the step without ranges; around it there are those of its stages."""
    compiled: list[nn.Module] = []

    def compile_nothing(module: nn.Module, **_: object) -> nn.Module:
        compiled.append(module)
        return module

    monkeypatch.setattr(torch, "compile", compile_nothing)
    task = fixed_training_task(image_size=None, seed=0, device=CPU)
    trainer = Trainer(task, parse_case("tinyfixed_sp_bs2_fp32_compile_cpu1"), CPU, Position())
    compiled[0](BATCH.batch)
    assert nvtx == []
    trainer.step(BATCH.batch)
    assert nvtx == ["forward", "end", "backward", "end", "optimizer", "end"]
