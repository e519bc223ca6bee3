"""The compiled graph of the measured steps is compared with the same step without compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
import torch
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.results.checks.ranks import wrong_graph
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.probes.graph_check import graph_check
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch, Reference, TrainingTask

pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by dynamo

CPU = torch.device("cpu")
BATCH = (torch.linspace(-1, 1, 24).reshape(8, 3),)


@pytest.fixture(autouse=True)
def tracing_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dynamo traces as in a compiled case; what it traced is executed as it is."""
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    yield
    torch._dynamo.reset()


class Network(nn.Module):
    """Two branches. `planted` is what only a compiled step does."""

    def __init__(self, planted: Callable[[Tensor], Tensor] | None) -> None:
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(3, 4), nn.Linear(3, 4), nn.BatchNorm1d(4)
        self.planted = planted

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        second = self.second(inputs)
        if self.planted is not None and torch.compiler.is_compiling():
            second = self.planted(second)
        return self.norm(self.first(inputs)), second


class Prepare(nn.Module):
    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch[0], batch[0]


class Criterion(nn.Module):
    """`drops`: whether a compiled step omits a term of its loss."""

    def __init__(self, *, drops: bool) -> None:
        super().__init__()
        self.drops = drops

    def forward(self, outputs: tuple[Tensor, Tensor], targets: Tensor) -> dict[str, Tensor]:
        first, second = ((each - 2).square().mean(1) for each in outputs)  # (N,)
        weight = 0 if self.drops and torch.compiler.is_compiling() else 1
        return {"loss": first.mean() + weight * second.mean(), "loss_first": first}


def ones(model: nn.Module) -> None:
    for parameter in model.parameters():
        nn.init.ones_(parameter)


@dataclass
class Checked:
    """A compiled training after two steps, to be checked."""

    set_up: SetUp
    trainer: Trainer


def trained(
    planted: Callable[[Tensor], Tensor] | None = None, *, drops: bool = False, precision: str = "fp32"
) -> Checked:
    torch.manual_seed(0)
    model = Network(planted)
    task = TrainingTask(
        model=model,
        prepare=Prepare(),
        criterion=Criterion(drops=drops),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        input_shape=(3,),
        read_data=cast(Any, None),
        make_dataset=cast(Any, None),
        schedule=cast(Any, None),
        reference=Reference(ones, lambda: BATCH, {"loss": 1.0}),
    )
    case = parse_case(f"psenet_sp_bs8_{precision}_compile_cpu1")
    trainer = Trainer(task, case, CPU, Position())
    trainer.step(BATCH)
    trainer.step(BATCH)
    plan, group = SimpleNamespace(local_processes=1), Group(case, 0, CPU, 60)
    return Checked(cast(SetUp, SimpleNamespace(task=task, plan=plan, group=group)), trainer)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_right_graph_is_that_of_the_measured_steps_and_passes(precision: str) -> None:
    made = trained(precision=precision)
    check = graph_check(made.set_up, made.trainer, BATCH)
    assert check is not None
    assert wrong_graph(check) is None
    assert check.graphs_compiled == 0
    assert list(check.figures) == list(check.eager) == ["loss", "loss_first", "gradient_norm", "parameters"]
    assert list(check.deviation) == ["loss", "loss_first", "gradient_norm"]
    assert check.figures["parameters"] == 6
    assert check.gradient_difference == pytest.approx(0, abs=1e-2)
    assert all(parameter.grad is None for parameter in made.trainer.model.parameters())
    assert torch.equal(made.trainer.parameters["first.weight"], torch.ones(4, 3))  # the weights of the reference


def test_a_graph_that_was_not_compiled_yet_is_counted() -> None:
    made = trained()
    torch._dynamo.reset()
    check = graph_check(made.set_up, made.trainer, BATCH)
    assert check is not None
    assert check.graphs_compiled == 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("planted", "drops", "message"),
    [
        (None, True, "the loss of a compiled step, compared with one without compilation, is "),
        (lambda second: second.detach(), False, "4 of 6 parameters get a gradient"),
        (lambda second: 0.5 * second, False, "the loss of a compiled step"),
        (lambda second: second.detach() + 2 * (second - second.detach()), False, "the gradient_norm of a compiled"),
        (lambda second: second * float("nan"), False, "is missing or not finite instead of"),
    ],
    ids=["drops a term", "detaches a branch", "scales an output", "scales a gradient", "is not finite"],
)
def test_a_defect_of_the_graph_alone_is_caught(
    planted: Callable[[Tensor], Tensor] | None, drops: bool, message: str, precision: str
) -> None:
    made = trained(planted, drops=drops, precision=precision)
    check = graph_check(made.set_up, made.trainer, BATCH)
    assert message in (wrong_graph(check) or "")


def test_a_step_that_does_not_fit_without_compilation_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = trained()
    run_out_of_memory(monkeypatch)
    assert graph_check(made.set_up, made.trainer, BATCH) is None
    assert all(parameter.grad is None for parameter in made.trainer.model.parameters())
    first, second = capsys.readouterr().err.splitlines()
    assert "CUDA out of memory" in first
    assert second.startswith("the compiled step cannot be compared with one without compilation, which needs more")


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a step does that is not compiled."""
    backward = Trainer.backward

    def limited(trainer: Trainer, batch: Batch) -> dict[str, Tensor]:
        losses = backward(trainer, batch)
        if not trainer.case.compile:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return losses

    monkeypatch.setattr(Trainer, "backward", limited)


def test_another_error_of_that_step_is_the_cases_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained()
    monkeypatch.setattr(Criterion, "forward", lambda *_: 1 / 0)
    torch._dynamo.reset()
    with pytest.raises(ZeroDivisionError):
        graph_check(made.set_up, made.trainer, BATCH)


def test_a_processor_without_memory_for_a_second_step_does_not_try_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = trained()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6))
    assert graph_check(made.set_up, made.trainer, BATCH) is None
    assert "cannot be compared" in capsys.readouterr().err


def test_a_rank_gives_up_if_another_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained()
    monkeypatch.setattr(Group, "all_agree", lambda self, answer: False)
    assert graph_check(made.set_up, made.trainer, BATCH) is None
