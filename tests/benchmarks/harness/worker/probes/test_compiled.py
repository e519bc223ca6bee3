"""What torch.compile did, with a backend that only traces."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from msgspec import structs
from torch import Tensor, nn

from benchmarks.harness.protocol.training import CompileReport
from benchmarks.harness.worker.probes.compiled import CompileWatch
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by dynamo

BATCH = (torch.ones(2, 3),)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Dynamo counts nothing of other tests."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


class Network(nn.Module):
    """Three layers with parameters, and what a test puts between them."""

    def __init__(self, between: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.norm, self.between, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4), between, nn.Linear(4, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.norm(self.first(inputs))  # (N, 4)
        if self.between is not None:
            features = self.between(features)
        outputs: Tensor = self.last(features)
        return outputs


class InSequence(nn.Sequential):
    """A graph break in a loop: dynamo leaves out the whole function."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 4), Break(), nn.Linear(4, 1))


class Break(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        torch._dynamo.graph_break()
        return features.relu()


class Recurrent(nn.Module):
    """Dynamo leaves an LSTM out of its graphs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 4)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.lstm(features)[0]
        return output


def trainer(model: nn.Module, backend: Any) -> Trainer:
    """The parts of a trainer that are needed, with a compiled step."""
    compiled = torch.compile(model, backend=backend, dynamic=False)

    def backward(batch: Batch) -> None:
        compiled(batch[0]).sum().backward()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return cast(Trainer, SimpleNamespace(model=model, optimizer=optimizer, backward=backward))


def report(model: nn.Module, *in_window: Batch, backend: Any = "eager") -> CompileReport:
    """After one warm-up step and these steps."""
    made = trainer(model, backend)
    made.backward(BATCH)
    watch = CompileWatch()
    for batch in in_window:
        made.backward(batch)
    return watch.report(made, BATCH)


def test_a_whole_network_is_one_graph() -> None:
    found = report(Network(), BATCH, BATCH)
    assert found.seconds > 0
    assert structs.replace(found, seconds=0.0) == CompileReport(
        graphs=1,
        graph_breaks=0,
        recompilations=0,
        compilations_in_window=0,
        failed_frames=0,
        errors_suppressed=False,
        seconds=0.0,
        layers=3,
        eager_layers=0,
    )


def test_graph_breaks_are_counted_and_are_not_eager_layers() -> None:
    found = report(Network(Break()), BATCH)
    assert found.graph_breaks > 0
    assert found.graphs > 1
    assert (found.eager_layers, found.compilations_in_window) == (0, 0)


def test_layers_around_a_graph_break_in_a_loop_are_eager() -> None:
    found = report(InSequence(), BATCH)
    assert (found.layers, found.eager_layers) == (2, 2)


def test_another_shape_is_a_recompilation_within_the_window() -> None:
    found = report(Network(), (torch.ones(3, 3),))
    assert (found.graphs, found.recompilations, found.compilations_in_window) == (2, 1, 1)


def test_a_layer_that_dynamo_leaves_out_is_eager() -> None:
    found = report(Network(Recurrent()), BATCH)
    assert (found.layers, found.eager_layers) == (4, 1)


def test_a_network_that_is_excluded_is_eager() -> None:
    model = Network()
    model.forward = torch.compiler.disable(model.forward)  # type: ignore[method-assign]
    assert report(model, BATCH).eager_layers == 3


def test_an_error_that_is_suppressed_leaves_no_graph() -> None:
    def broken(*_: object) -> None:
        raise OSError("no compiler")

    with torch._dynamo.config.patch(suppress_errors=True):
        found = report(Network(), BATCH, backend=broken)
    assert (found.graphs, found.errors_suppressed, found.eager_layers) == (0, True, 3)
    assert found.failed_frames >= 1


def test_a_compiler_that_is_disabled_compiles_nothing() -> None:
    with torch._dynamo.config.patch(disable=True):
        found = report(Network(), BATCH)
    assert (found.graphs, found.eager_layers) == (0, 3)
