"""What the memory of a step consists of, with a small model on the CPU, and which moment is that of its peak."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.memory_report import MemoryReading, PeakMoment, TensorBytes
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.probes.batch_peaks import COMPILED, batch_peaks, other_size, resized
from benchmarks.harness.worker.probes.memory_gauge import HostGauge, gauge_of, graph_pool_bytes
from benchmarks.harness.worker.probes.memory_parts import Moment, observed_moments, peak_moment, step_memory
from benchmarks.harness.worker.probes.tensor_bytes import Storages
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, TrainingTask

CPU = torch.device("cpu")
SIDE = 256


class Prepare(nn.Module):
    def forward(self, batch: Batch) -> tuple[Tensor, None]:
        return batch[0], None


class Mean(nn.Module):
    def __init__(self, fails_with: int = 0) -> None:
        super().__init__()
        self._fails_with = fails_with

    def forward(self, outputs: Tensor, _: None) -> dict[str, Tensor]:
        if len(outputs) == self._fails_with:
            raise ValueError(f"no batch of {len(outputs)}")
        return {"loss": outputs.square().mean()}


def small(fails_with: int = 0) -> tuple[TrainingTask, Trainer, Batch]:
    """Two layers of 4 MiB each, on two samples of 1 MiB."""

    def unused(*_: object) -> Any:
        pytest.fail("a step reads no data")

    model = nn.Sequential(nn.Linear(1024, 1024, bias=False), nn.Tanh(), nn.Linear(1024, 1024, bias=False))
    model.register_buffer("mean", torch.zeros(256))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    task = TrainingTask(model, Prepare(), Mean(fails_with), optimizer, (256, 1024), unused, unused, unused)
    trainer = Trainer(task, parse_case("psenet_sp_bs2_fp32_cpu1"), CPU, Position())
    return task, trainer, (torch.randn(2, SIDE, 1024),)


def test_a_step_is_read_at_the_borders_of_its_parts() -> None:
    task, trainer, batch = small()
    trainer.step(batch)  # the optimizer has its state
    position = trainer.position
    set_up = MemoryReading(1, 2, 3)
    step, tensors = step_memory(task, trainer, batch, HostGauge(), set_up)
    assert tensors == TensorBytes(
        parameters=2 * 2**22, buffers=1024, gradients=2 * 2**22, optimizer_state=2 * 2**22, batch=2 * 2**20
    )
    assert trainer.position is position
    assert step.set_up == set_up
    readings = [step.before_step, step.forward, step.backward, step.optimizer]
    allocated = [each.allocated_bytes or 0 for each in readings]
    assert allocated[1] - allocated[0] > 2 * 2**20  # outputs of the first layer and of the second
    assert allocated[2] - allocated[0] > 2 * 2**22 - 2**20  # gradients
    assert abs(allocated[3] - allocated[0]) < 2**20
    assert all(each.peak_bytes >= each.reserved_bytes - 2**22 > 0 for each in readings)


def test_each_layer_and_each_gradient_is_a_moment() -> None:
    task, trainer, batch = small()
    trainer.step(batch)
    moments = observed_moments(task, trainer, batch, HostGauge())
    assert [(each.part, each.place) for each in moments] == [
        ("forward", "start of forward"),
        ("forward", "prepare"),
        *(("forward", f"model.{number}") for number in range(3)),
        ("forward", "criterion"),
        ("forward", "start of backward"),
        ("backward", "2.weight"),
        ("backward", "0.weight"),
        ("backward", "start of optimizer"),
        ("optimizer", "end of the step"),
    ]
    assert [each.gradients for each in moments] == [0] * 7 + [2**22, 2**23, 2**23, 0]
    assert sum(len(module._forward_hooks) for module in task.model.modules()) == 0
    assert not any(parameter._post_accumulate_grad_hooks for parameter in task.model.parameters())
    assert len(observed_moments(task, trainer, batch, HostGauge())) == len(moments)  # the hooks are gone


def moment(allocated: int, peak: int, gradients: int = 0, place: str = "x", part: Any = "backward") -> Moment:
    return Moment(part, place, allocated, peak, gradients)


def test_the_peak_follows_the_last_moment_before_it_unless_it_is_one() -> None:
    start = moment(100, 100, place="start of forward", part="forward")
    temporary = [start, moment(300, 400, place="a"), moment(350, 900, 50, place="b"), moment(120, 900, 60)]
    assert peak_moment(temporary, None) == PeakMoment("backward", "a", 900, 300, 100, 0, 0)
    observed = [start, moment(900, 900, 50, place="b"), moment(120, 900, 60)]
    assert peak_moment(observed, None) == PeakMoment("backward", "b", 900, 900, 100, 50, 50)
    assert peak_moment(observed, all_gradients=70) == PeakMoment("backward", "b", 900, 900, 100, 70, 0)
    assert peak_moment([start], None) == PeakMoment("forward", "start of forward", 100, 100, 100, 0, 0)
    assert peak_moment([], None) is None


def test_memory_that_tensors_share_counts_once() -> None:
    whole = torch.zeros(1024)
    storages = Storages(CPU)
    assert storages.add([whole, whole[:10], None, 5]) == 4096
    assert storages.add([whole[5:], torch.zeros(0), torch.zeros(2, device="meta"), torch.zeros(1)]) == 4


def test_pools_of_cuda_graphs_count_what_torch_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def segment(device: int, pool: tuple[int, int], total: int, allocated: int) -> dict[str, Any]:
        return {"device": device, "segment_pool_id": pool, "total_size": total, "allocated_size": allocated}

    default, first, second = (0, 0), (0, 1), (0, 2)
    of_another_gpu = segment(0, first, 9, 0)
    segments = [segment(1, default, 100, 50), segment(1, first, 20, 5), segment(1, second, 7, 0), of_another_gpu]
    monkeypatch.setattr(torch.cuda, "memory_snapshot", lambda **_: segments)
    assert graph_pool_bytes(torch.device("cuda", 1)) == 15 + 7


def test_a_batch_is_halved_and_a_single_sample_doubled() -> None:
    assert [other_size(each) for each in (1, 2, 3, 8)] == [2, 1, 1, 4]
    batch = (torch.arange(6.0).view(3, 2), torch.tensor([1, 2, 3]))
    half = resized(batch, 1)
    assert [each.tolist() for each in half] == [[[0.0, 1.0]], [1]]
    assert half[0].untyped_storage().nbytes() == 8  # not that of the whole batch
    assert [len(each) for each in resized((batch[0][:1], batch[1][:1]), 2)] == [2, 2]


def test_two_batch_sizes_have_peaks_unless_there_is_a_reason() -> None:
    _, trainer, batch = small()
    peaks, note = batch_peaks(trainer, batch, gauge_of(CPU))
    assert ([each.samples for each in peaks], note) == ([2, 1], None)
    assert all(each.peak_bytes > 2**24 for each in peaks)

    _, trainer, batch = small(fails_with=1)
    assert batch_peaks(trainer, batch, gauge_of(CPU)) == ([], "a step with 1 samples: ValueError: no batch of 1")
    compiled = cast(Trainer, SimpleNamespace(case=parse_case("psenet_sp_bs2_fp32_compile_cpu1")))
    assert batch_peaks(compiled, batch, gauge_of(CPU)) == ([], COMPILED)
