"""The pieces that import torch, on the CPU with small sizes."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks.components.compare_steps import StepTime
from benchmarks.first_look import ceilings, formats, operations, step
from benchmarks.first_look.findings import Finding, read_findings
from benchmarks.harness.worker.probes.memory_format import memory_format
from benchmarks.harness.worker.trainer import Trainer
from in_process import restored_torch
from ocr_models.detection.resize import interpolation_weights


@pytest.fixture
def figures_of(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., dict[str, Finding]]]:
    """`figures_of(main, model)`: name -> what it found."""

    def call(main: Callable[[list[str]], None], model: str) -> dict[str, Finding]:
        given = ("--device", "cpu", "--small", "--model", model, "--data", image_folder, "--folder", tmp_path)
        main([*map(str, given), "--findings", str(tmp_path / "found.jsonl")])
        return {each.name: each for each in read_findings(tmp_path / "found.jsonl")}

    with restored_torch(monkeypatch):
        yield call


def test_ceilings_are_rates(figures_of: Callable[..., dict[str, Finding]]) -> None:
    found = figures_of(ceilings.main, "tiny")
    assert {found["copy"].unit, found["matmul fp32 burst"].unit} == {"TB/s", "TFLOP/s"}
    assert 0 < float(found["matmul fp32 burst"].value) < 100


def test_operations_are_timed_in_both_directions_and_formats(figures_of: Callable[..., dict[str, Finding]]) -> None:
    found = figures_of(operations.main, "psenet")
    for layout in ("planes", "channels_last"):
        assert f"convolution 3x3 16 to 8, float32 {layout}: backward" in found
        assert f"batch norm, float32 {layout}: forward" in found
    for way in ("interpolate", "two products", "suite"):
        assert f"resize loss x4, float32 planes, {way}, eager: backward" in found


def test_a_backward_pass_that_takes_no_time_is_not_measurable(
    figures_of: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the difference of two times, each of which may be disturbed."""
    times = itertools.cycle([2.0, 1.0])
    monkeypatch.setattr(operations, "seconds_per_call", lambda *_: next(times))
    found = figures_of(operations.main, "psenet")
    for name in ("convolution 3x3 16 to 8, float32 planes", "batch norm, float32 planes"):
        assert found[f"{name}: backward"].value == "not measurable"
        assert float(found[f"{name}: forward"].value) > 0


@pytest.mark.parametrize(("from_side", "to_side"), [(4, 16), (5, 10), (3, 24), (8, 4)])
def test_two_products_are_the_same_resize(from_side: int, to_side: int) -> None:
    x = torch.randn(2, 3, from_side, from_side, generator=torch.Generator().manual_seed(0))
    rows = interpolation_weights(from_side, to_side, x.dtype, x.device).t()
    expected = torch.nn.functional.interpolate(x, size=(to_side, to_side), mode="bilinear", align_corners=False)
    torch.testing.assert_close(torch.matmul(torch.matmul(rows, x), rows.t()), expected, atol=1e-5, rtol=0)


def test_a_step_is_divided_into_its_parts(figures_of: Callable[..., dict[str, Finding]], tmp_path: Path) -> None:
    found = figures_of(step.main, "tiny")
    parts = [float(found[f"{name}, host"].value) for name in ("prepare", "forward", "loss", "backward", "optimizer")]
    assert all(each >= 0 for each in parts)
    assert 0 < float(found["all parts, host"].value) < 5 * sum(parts)
    assert "aten::convolution" in (tmp_path / "kernels.txt").read_text()
    with gzip.open(tmp_path / "trace.json.gz") as file:
        trace = json.load(file)
    assert set(trace) <= {"schemaVersion", "deviceProperties", "displayTimeUnit", "traceEvents"}
    assert len(trace["traceEvents"]) > 100
    assert not (tmp_path / ".trace.json").exists()


def test_both_memory_formats_are_trained(
    figures_of: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = {}

    def note(steps: dict[str, partial[object]], *_: object) -> dict[str, StepTime]:
        for name, call in steps.items():
            trainer = call.func.__self__  # type: ignore[attr-defined]
            with trainer_inputs(trainer) as inputs:
                call()
            trained[name] = memory_format([*inputs, *trainer.model.parameters()])
        return dict.fromkeys(steps, StepTime(wall=1.0, cpu=2.0))

    monkeypatch.setattr(formats, "medians_in_turns", note)
    found = figures_of(formats.main, "psenetr18")
    assert trained == {"channels_last": "channels_last", "planes": "contiguous"}
    assert {found[f"fp32 step, {name}"].value for name in trained} == {1000.0}


def test_the_formats_are_timed_in_turns(figures_of: Callable[..., dict[str, Finding]]) -> None:
    found = figures_of(formats.main, "psenetr18")
    assert all(float(found[f"fp32 step, {name}"].value) > 0 for name in ("channels_last", "planes"))


def test_a_model_with_one_memory_format_is_not_compared(figures_of: Callable[..., dict[str, Finding]]) -> None:
    found = figures_of(formats.main, "tinyfixed")
    assert found.keys() == {"case", "not compared"}
    assert "takes no `memory_format`" in str(found["not compared"].value)


@contextmanager
def trainer_inputs(trainer: Trainer) -> Iterator[list[torch.Tensor]]:
    """What the network of a trainer gets in the block."""
    seen: list[torch.Tensor] = []
    hook = trainer.model.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    yield seen
    hook.remove()
