"""The network: its shapes, what its neck and heads compute, and how its weights are drawn."""

from __future__ import annotations

import copy
import functools
import math
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness.worker.probes.flops import flops_per_sample
from ocr_models.db import DBNet
from ocr_models.db.head import Head, Heads

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
    ("backbone", "forward", "step", "small_step"),
    [("resnet18", 79.56, 236.76, 59.19), ("resnet50", 117.86, 351.65, 87.91)],
)
def test_the_floating_point_operations_are_those_of_the_published_network(
    backbone: str, forward: float, step: float, small_step: float
) -> None:
    """In units of 10^9, of one sample: forward at 640 pixels, forward and backward at 640 and at 320."""
    model = without_memory(backbone)
    assert round(flops_per_sample(model, (3, 640, 640)) / 1e9, 2) == step
    assert round(flops_per_sample(model, (3, 320, 320)) / 1e9, 2) == small_step
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 640, 640, device="meta"))
    assert round(counter.get_total_flops() / 1e9, 2) == forward


def test_an_unknown_backbone_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="'resnet34' is not known: choose one of resnet18, resnet50"):
        DBNet("resnet34")


# what the neck and the heads compute


@pytest.mark.parametrize("sides", [(16, 8, 4, 2), (13, 7, 4, 2)])
def test_levels_are_merged_from_the_top_down_and_concatenated_the_finest_first(sides: tuple[int, ...]) -> None:
    """Every layer is replaced by the identity, so that only enlarging, addition and concatenation remain."""
    neck = copy.deepcopy(drawn("resnet18").neck)
    for name in dict(neck.named_children()):
        setattr(neck, name, nn.Identity())
    c2, c3, c4, c5 = (torch.randn(1, 64, side, side + 1) for side in sides)

    def nearest(x: Tensor, like: Tensor) -> Tensor:
        rows, columns = (torch.arange(n) * m // n for m, n in zip(x.shape[2:], like.shape[2:], strict=True))
        return x[:, :, rows][:, :, :, columns]

    p4 = c4 + nearest(c5, c4)
    p3 = c3 + nearest(p4, c3)
    p2 = c2 + nearest(p3, c2)
    expected = torch.cat([p2, nearest(p3, p2), nearest(p4, p2), nearest(c5, p2)], dim=1)
    assert torch.equal(neck(c2, c3, c4, c5), expected)


def layer_by_layer(head: Head, x: Tensor) -> Tensor:
    """The head as it is published."""
    for layer in head:
        x = nn.ConvTranspose2d.forward(layer, x) if isinstance(layer, nn.ConvTranspose2d) else layer(x)
    return x.squeeze(1)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("size", [(5, 7), (1, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_head_computes_its_layers_one_after_another(
    bias: bool, size: tuple[int, int], memory_format: torch.memory_format
) -> None:
    """Logits, statistics, and gradients of the input and of all parameters."""
    torch.manual_seed(0)
    ours = Head(8, bias=bias).double().to(memory_format=memory_format)
    theirs = copy.deepcopy(ours)
    results = []
    for head, forward in ((ours, Head.__call__), (theirs, layer_by_layer)):
        x = torch.randn(2, 8, *size, generator=torch.Generator().manual_seed(1)).double()
        x = x.to(memory_format=memory_format).requires_grad_()
        logits = forward(head, x)
        (logits * torch.arange(logits.numel()).view_as(logits).sin()).sum().backward()
        results.append((logits, x.grad, [each.grad for each in head.parameters()], head.state_dict()))
    assert results[0][0].shape == (2, 4 * size[0], 4 * size[1])
    torch.testing.assert_close(*results)


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


@pytest.mark.parametrize("memory_format", FORMATS)
def test_a_compiled_network_is_one_graph(memory_format: torch.memory_format) -> None:
    backend = CompileCounterWithBackend("eager")
    model = copy.deepcopy(drawn("resnet18")).to(memory_format=memory_format)
    images = torch.randn(2, 3, 64, 64).to(memory_format=memory_format)
    compiled = torch.compile(model, backend=backend, dynamic=False, fullgraph=True)
    for _ in range(2):
        compiled(images).sum().backward()
    assert backend.frame_count == 1


# initialisation


def standardised(weight: Tensor, std: float) -> None:
    """Check that a weight is normal with a mean of 0 and this standard deviation."""
    values = weight.detach().double() / std
    error = 1 / math.sqrt(values.numel())
    assert abs(values.mean()) < 5 * error
    assert abs(values.std() - 1) < 5 * error / math.sqrt(2)
    assert abs(values.abs().lt(1).double().mean() - 0.6827) < 5 * 0.5 * error


def test_weights_of_the_backbone_are_normal_by_their_output_connections() -> None:
    convolutions = [each for each in drawn("resnet50").backbone.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 53
    for each in convolutions:
        kh, kw = each.kernel_size
        standardised(each.weight, math.sqrt(2 / (kh * kw * each.out_channels)))


def test_weights_of_the_neck_are_uniform_as_torch_draws_them() -> None:
    convolutions = [each for each in drawn("resnet50").neck.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 8
    for each in convolutions:
        bound = 1 / math.sqrt(each.weight[0].numel())
        assert 0.98 * bound < each.weight.abs().max() <= bound
        assert abs(each.weight.std() / bound - 1 / math.sqrt(3)) < 0.02
        assert each.bias is not None
        assert 0.5 * bound < each.bias.abs().max() <= bound


def test_weights_of_the_heads_are_normal_by_the_inputs_as_torch_counts_them() -> None:
    for head in (drawn("resnet50").head.binarize, drawn("resnet50").head.thresh):
        weights = head.state_dict()
        standardised(weights["0.weight"], math.sqrt(2 / (256 * 9)))
        standardised(weights["3.weight"], math.sqrt(2 / (64 * 4)))
        standardised(weights["6.weight"], math.sqrt(2 / (1 * 4)))


def test_batch_norms_start_as_the_identity_but_for_the_shift_of_the_heads() -> None:
    model = drawn("resnet50")
    norms = {name: module for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert len(norms) == 53 + 8 + 4
    for name, norm in norms.items():
        assert (norm.weight == 1).all()
        assert (norm.bias == (1e-4 if name.startswith("head.") else 0)).all()


def test_the_probability_heads_first_convolution_alone_has_a_bias() -> None:
    heads = Heads(8)
    assert heads.binarize[0].bias is not None
    assert heads.thresh[0].bias is None
    assert all(head[layer].bias is not None for head in (heads.binarize, heads.thresh) for layer in (3, 6))
