"""The network: its shapes, its cost, and its maps in every precision and memory format."""

from __future__ import annotations

import copy
import functools
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness.worker.probes.flops import flops_per_sample
from ocr_models.db import DBNet

BACKBONES = ["resnet18", "resnet50"]
FORMATS = [torch.contiguous_format, torch.channels_last]


def without_memory(backbone: str) -> DBNet:
    """A network on the meta device: it has shapes, but stores and computes nothing."""
    with torch.device("meta"):
        return DBNet(backbone)


@functools.cache
def drawn(backbone: str) -> DBNet:
    torch.manual_seed(0)
    return DBNet(backbone)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# shapes


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("size", [(64, 96), (736, 1308), (33, 65), (1, 7)])
def test_maps_have_the_size_of_the_image(backbone: str, size: tuple[int, int]) -> None:
    model, images = without_memory(backbone), torch.empty(2, 3, *size, device="meta")
    assert model(images).shape == (2, 3, *size)
    model.eval()
    assert model(images).shape == (2, 2, *size)
    assert model.probability(images).shape == (2, 1, *size)


@pytest.mark.parametrize("size", [(64, 64), (100, 132), (45, 70)])
def test_maps_are_shares_in_float32_and_the_third_is_made_of_the_others(size: tuple[int, int]) -> None:
    model = copy.deepcopy(drawn("resnet18"))
    with torch.no_grad():
        maps = model(torch.randn(2, 3, *size))
    assert maps.dtype == torch.float32
    assert ((maps >= 0) & (maps <= 1)).all()
    if not (size[0] % 4 or size[1] % 4):  # else B is resized after it has been made
        probability, threshold, binary = maps.double().unbind(1)
        torch.testing.assert_close(binary, 1 / (1 + torch.exp(-50 * (probability - threshold))), rtol=0, atol=1e-5)


def test_probability_alone_is_that_of_all_maps_without_the_threshold_head() -> None:
    model = copy.deepcopy(drawn("resnet18")).eval()
    images, computed = torch.randn(1, 3, 45, 70), []
    model.head.thresh[0].register_forward_hook(lambda *_: computed.append(True))
    with torch.no_grad():
        probability = model.probability(images)
        assert computed == []
        assert torch.equal(probability, model(images)[:, :1])
    assert computed == [True]


def test_parameter_counts() -> None:
    small, large = without_memory("resnet18"), without_memory("resnet50")
    parts = [[parameter_count(part) for part in (each.backbone, each.neck, each.head)] for each in (small, large)]
    assert parts == [[11_176_512, 763_968, 328_898], [23_508_032, 948_288, 328_898]]
    assert [parameter_count(each) for each in (small, large)] == [12_269_378, 24_785_218]


@pytest.mark.parametrize(
    ("backbone", "forward", "step"),
    [("resnet18", 79.56, 236.76), pytest.param("resnet50", 117.86, 351.65, marks=pytest.mark.exhaustive)],
)
def test_the_floating_point_operations_are_those_of_the_published_network(
    backbone: str, forward: float, step: float
) -> None:
    """In units of 10^9, of one sample of 640 pixels: forward, and forward and backward."""
    model = without_memory(backbone)
    assert round(flops_per_sample(model, torch.empty(1, 3, 640, 640)) / 1e9, 2) == step
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 640, 640, device="meta"))
    assert round(counter.get_total_flops() / 1e9, 2) == forward


def test_an_unknown_backbone_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="'resnet34' is not known: choose one of resnet18, resnet50"):
        DBNet("resnet34")


# precision, formats, copies


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_maps_are_computed_in_float32_from_logits_in_half_precision(dtype: torch.dtype) -> None:
    model = copy.deepcopy(drawn("resnet18"))
    model.to(memory_format=torch.channels_last)
    logits: list[Tensor] = []
    model.head.register_forward_hook(lambda module, inputs, outputs: logits.extend(outputs))
    with torch.autocast("cpu", dtype=dtype):
        maps = model(torch.randn(2, 3, 64, 64))
    assert [each.dtype for each in logits] == [dtype] * 2
    assert maps.dtype == torch.float32
    probability, threshold = (torch.sigmoid(each.float()) for each in logits)
    binary = torch.sigmoid(50 * (probability - threshold))
    torch.testing.assert_close(maps, torch.stack([probability, threshold, binary], dim=1))


def test_maps_are_the_same_in_any_memory_format_and_lie_in_planes() -> None:
    torch.manual_seed(0)
    model, images = copy.deepcopy(drawn("resnet18")).double().eval(), torch.randn(2, 3, 64, 96).double()
    expected = model(images)
    assert expected.is_contiguous()
    model.to(memory_format=torch.channels_last)
    maps = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(maps, expected)
    assert maps.is_contiguous()


def counts(model: DBNet) -> set[int]:
    """What the counters of batches say."""
    return {int(value) for key, value in model.state_dict().items() if key.endswith("num_batches_tracked")}


def test_a_copy_and_a_pickled_network_compute_the_same() -> None:
    model, images = drawn("resnet18"), torch.randn(2, 3, 64, 64)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    expected = copy.deepcopy(model)(images)
    for each in copies:
        assert torch.equal(each(images), expected)
        assert counts(each) == {1}
    assert counts(model) == {0}


def test_its_own_weights_load_into_another() -> None:
    torch.manual_seed(1)
    other = DBNet("resnet18")
    other.load_state_dict(drawn("resnet18").state_dict())
    expected = drawn("resnet18").state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in other.state_dict().items())


def test_all_batch_norms_can_be_synchronised() -> None:
    model = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(drawn("resnet18")))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert model.eval()(torch.randn(1, 3, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize("memory_format", [FORMATS[0], pytest.param(FORMATS[1], marks=pytest.mark.exhaustive)])
def test_a_compiled_network_is_one_graph(memory_format: torch.memory_format) -> None:
    backend = CompileCounterWithBackend("eager")
    model = copy.deepcopy(drawn("resnet18")).to(memory_format=memory_format)
    images = torch.randn(2, 3, 64, 64).to(memory_format=memory_format)
    compiled = torch.compile(model, backend=backend, dynamic=False, fullgraph=True)
    for _ in range(2):
        compiled(images).sum().backward()
    assert backend.frame_count == 1
