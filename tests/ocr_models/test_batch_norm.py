"""Batch normalisation with shared counting, against torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.optim.swa_utils import update_bn

from ocr_models.batch_norm import BatchNorm2d, batch_norms, count_batch
from ocr_models.psenet import PSENet


class Network(nn.Module):
    """Two layers, counted as a network with many does."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(BatchNorm2d(3), nn.ReLU(), BatchNorm2d(3))
        self.batch_norms = batch_norms(self)

    def forward(self, x: Tensor) -> Tensor:
        count_batch(self.batch_norms)
        normalised: Tensor = self.layers(x)
        return normalised


def plain() -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3))


def batch(seed: int) -> Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))


def counters(model: nn.Module) -> list[int]:
    return [int(value) for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")]


def assert_same_state(found: nn.Module, expected: nn.Module) -> None:
    a, b = found.state_dict(), expected.state_dict()
    assert [name.removeprefix("layers.") for name in a] == list(b)
    for value, other in zip(a.values(), b.values(), strict=True):
        assert value.dtype == other.dtype
        assert torch.equal(value, other)


def test_outputs_statistics_and_counters_are_those_of_torch() -> None:
    ours, theirs = Network(), plain()
    for seed in range(3):
        assert torch.equal(ours(batch(seed)), theirs(batch(seed)))
    assert_same_state(ours, theirs)
    assert counters(ours) == [3, 3]
    assert torch.equal(ours.eval()(batch(3)), theirs.eval()(batch(3)))
    assert_same_state(ours, theirs)  # evaluation counts nothing


def test_a_layer_that_is_not_trained_is_not_counted() -> None:
    ours, theirs = Network(), plain()
    for layers in (ours.layers, theirs):
        layers[0].eval()
    assert torch.equal(ours(batch(0)), theirs(batch(0)))
    assert_same_state(ours, theirs)
    assert counters(ours) == [0, 1]


def test_statistics_that_are_a_mean_over_batches_are_those_of_torch() -> None:
    """As those of averaged weights are, which are taken without a momentum."""
    ours, theirs = Network(), plain()
    for model in (ours, theirs):
        update_bn([batch(seed) for seed in range(3)], model)
    assert_same_state(ours, theirs)


def test_layers_may_have_no_counters() -> None:
    ours = Network()
    for layer in ours.batch_norms:
        layer.num_batches_tracked = None
    ours(batch(0))
    assert counters(ours) == []


def test_a_copy_counts_for_itself() -> None:
    ours = Network()
    ours(batch(0))
    other = copy.deepcopy(ours)
    other(batch(1))
    assert (counters(ours), counters(other)) == ([1, 1], [2, 2])


@pytest.mark.parametrize("assign", [False, True])
def test_counters_go_on_from_loaded_and_converted_weights(assign: bool) -> None:
    ours = Network()
    given = {
        name: torch.tensor(100) if name.endswith("tracked") else value for name, value in ours.state_dict().items()
    }
    ours.load_state_dict(given, strict=True, assign=assign)
    ours.double()
    ours(batch(0).double())
    assert counters(ours) == [101, 101]


def test_synchronised_layers_count_for_themselves() -> None:
    ours = nn.SyncBatchNorm.convert_sync_batchnorm(Network())
    assert [type(layer) for layer in ours.layers] == [nn.SyncBatchNorm, nn.ReLU, nn.SyncBatchNorm]
    assert len(counters(ours)) == 2


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_psenet_counts_each_of_its_layers(backbone: str) -> None:
    with torch.device("meta"):
        model = PSENet(backbone)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert list(model.batch_norms) == norms
    assert len(norms) > 20


def test_psenet_counts_a_batch_once() -> None:
    model = PSENet("resnet18", neck_channels=4, hidden_channels=4)
    images = torch.zeros(2, 3, 64, 64)
    model(images)
    model(images)
    model.eval()(images)
    assert set(counters(model)) == {2}


def test_compiled_steps_count_without_recompilation() -> None:
    ours, backend = Network(), CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(ours, backend=backend, dynamic=False, fullgraph=True)
    for seed in range(3):
        compiled(batch(seed)).sum().backward()
    assert backend.frame_count == 1
    assert counters(ours) == [3, 3]
