"""The network: its shapes and sizes, and how its weights are drawn."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import Bottleneck

from benchmarks.harness.worker.probes.flops import flops_per_sample
from ocr_models.psenet import PSENet
from ocr_models.psenet.model import Head

DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}
CHANNELS = {"resnet18": (64, 128, 256, 512), "resnet50": (256, 512, 1024, 2048)}
SMALL: dict[str, Any] = {"backbone": "resnet18", "neck_channels": 4, "hidden_channels": 4}


def without_memory(backbone: str, **widths: int) -> PSENet:
    """A network on the meta device: it has shapes, but stores and computes nothing."""
    with torch.device("meta"):
        return PSENet(backbone, **widths)


@functools.cache
def drawn(backbone: str) -> PSENet:
    torch.manual_seed(0)
    return PSENet(backbone)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def quarter(side: int) -> int:
    """Two convolutions of stride 2, each of which rounds up."""
    return math.ceil(math.ceil(side / 2) / 2)


# shapes


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
@pytest.mark.parametrize("size", [(64, 96), (100, 132), (33, 65), (1, 7), (736, 1280)])
def test_logits_are_seven_maps_of_a_quarter_of_the_image_rounded_up(backbone: str, size: tuple[int, int]) -> None:
    images = torch.empty(2, 3, *size, device="meta")
    logits = without_memory(backbone)(images)
    assert logits.shape == (2, 7, quarter(size[0]), quarter(size[1]))


@pytest.mark.parametrize("size", [(64, 64), (100, 132)])
def test_logits_of_real_pixels_are_finite(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        logits = PSENet(**SMALL)(torch.randn(1, 3, *size))
    assert logits.shape == (1, 7, quarter(size[0]), quarter(size[1]))
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_the_logits_are_the_same_in_any_memory_format() -> None:
    torch.manual_seed(0)
    model, images = PSENet(**SMALL).double().eval(), torch.randn(2, 3, 64, 96).double()
    expected = model(images)
    torch.testing.assert_close(model(images.to(memory_format=torch.channels_last)), expected)
    model.to(memory_format=torch.channels_last)
    logits = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(logits, expected)
    assert logits.is_contiguous(memory_format=torch.channels_last)
    model.det_head.to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(model(images), expected)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_stages_have_their_channels_at_a_4th_8th_16th_and_32nd(backbone: str) -> None:
    features = without_memory(backbone).backbone(torch.empty(1, 3, 128, 192, device="meta"))
    expected = [
        (1, channels, 128 // s, 192 // s) for channels, s in zip(CHANNELS[backbone], (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(feature.shape) for feature in features] == expected


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_stages_have_their_depths(backbone: str) -> None:
    found = without_memory(backbone).backbone
    assert tuple(len(stage) for stage in (found.layer1, found.layer2, found.layer3, found.layer4)) == DEPTHS[backbone]


def test_the_stem_is_three_convolutions_and_a_pool() -> None:
    backbone = without_memory("resnet50").backbone
    stem = (backbone.conv1, backbone.conv2, backbone.conv3)
    found = [(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride) for conv in stem]
    assert found == [(3, 64, (3, 3), (2, 2)), (64, 64, (3, 3), (1, 1)), (64, 128, (3, 3), (1, 1))]
    assert (backbone.maxpool.kernel_size, backbone.maxpool.stride, backbone.maxpool.padding) == (3, 2, 1)


def test_bottlenecks_have_their_stride_in_the_3x3_convolution() -> None:
    strides = {}
    for name, module in without_memory("resnet50").backbone.named_modules():
        if isinstance(module, Bottleneck):
            strides[name] = (module.conv1.stride[0], module.conv2.stride[0], module.conv3.stride[0])
            assert module.conv2.kernel_size == (3, 3)
    assert {name for name, stride in strides.items() if stride != (1, 1, 1)} == {"layer2.0", "layer3.0", "layer4.0"}
    assert {strides[name] for name in ("layer2.0", "layer3.0", "layer4.0")} == {(1, 2, 1)}


def test_parameter_counts() -> None:
    large, small = without_memory("resnet50"), without_memory("resnet18")
    assert parameter_count(large) == 28_749_767
    assert parameter_count(large.backbone) == 23_631_808
    assert parameter_count(large.det_head) == 256 * 1024 * 9 + 256 + 2 * 256 + 7 * 256 + 7
    assert parameter_count(small) < parameter_count(large) / 1.5


def test_neck_and_head_can_be_narrower() -> None:
    model = without_memory("resnet18", neck_channels=8, hidden_channels=5)
    assert {level.shape[1] for level in model.fpn(*model.backbone(torch.empty(1, 3, 64, 64, device="meta")))} == {8}
    assert tuple(model.det_head.conv1.weight.shape) == (5, 32, 3, 3)
    assert model(torch.empty(1, 3, 64, 96, device="meta")).shape == (1, 7, 16, 24)


def test_the_head_alone_has_biases() -> None:
    biased = {
        name
        for name, module in without_memory("resnet50").named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is not None
    }
    assert biased == {"det_head.conv1", "det_head.conv2"}


def test_an_unknown_backbone_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="'resnet34' is not known: choose one of resnet18, resnet50"):
        PSENet("resnet34")


# what the neck computes, from the recipe


def test_levels_are_merged_from_the_top_down() -> None:
    """Every layer is replaced by the identity, so that only upsampling and addition remain."""
    neck = PSENet(**SMALL).fpn
    for name in dict(neck.named_children()):
        setattr(neck, name, nn.Identity())
    f2, f3, f4, f5 = (torch.randn(1, 4, 16 // s, 24 // s) for s in (1, 2, 4, 8))

    def doubled(x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    p4 = f4 + doubled(f5)
    p3 = f3 + doubled(p4)
    for found, expected in zip(neck(f2, f3, f4, f5), (f2 + doubled(p3), p3, p4, f5), strict=True):
        torch.testing.assert_close(found, expected)


def concatenated(head: Head, *levels: Tensor) -> Tensor:
    """The head as it is published: its first convolution sees all levels at once, the largest first."""
    size = levels[0].shape[2:]
    resized = [nn.functional.interpolate(each, size, mode="bilinear", align_corners=False) for each in levels]
    logits: Tensor = head.conv2(head.relu1(head.bn1(head.conv1(torch.cat(resized, dim=1)))))
    return logits


FORMATS = (torch.contiguous_format, torch.channels_last)


def trained_head(forward: Callable[..., Tensor], memory_format: torch.memory_format) -> tuple[Tensor, list[Tensor]]:
    """Logits of a small head in float64, and the gradients of its levels and parameters."""
    torch.manual_seed(0)
    head = Head(4 * 4, 5).double().to(memory_format=memory_format)
    levels = [torch.randn(2, 4, *size).double().requires_grad_() for size in ((16, 24), (8, 12), (4, 6), (3, 3))]
    logits = forward(head, *levels)
    weights = torch.randn(logits.shape).double()
    (logits * weights).sum().backward()
    return logits, [each.grad for each in (*levels, *head.parameters()) if each.grad is not None]


def own(head: Head, *levels: Tensor) -> Tensor:
    logits: Tensor = head(*levels)
    return logits


@pytest.mark.parametrize("memory_format", FORMATS)
def test_the_head_convolves_all_levels_from_the_largest_to_the_smallest_at_the_largest_size(
    memory_format: torch.memory_format,
) -> None:
    torch.testing.assert_close(trained_head(own, memory_format), trained_head(concatenated, memory_format))


def test_in_planes_the_head_has_the_published_results_to_the_last_bit() -> None:
    assert torch.equal(*(trained_head(forward, torch.contiguous_format)[0] for forward in (own, concatenated)))


def test_in_channels_last_the_operations_are_the_same_but_the_widest_tensor_is_never_made() -> None:
    def traced(forward: Callable[..., Tensor]) -> tuple[int, int]:
        """Floating-point operations of forward and backward, and the most channels that any tensor has."""
        counter, widest = FlopCounterMode(display=False), WidestImage()
        with counter, widest:
            trained_head(forward, torch.channels_last)
        return counter.get_total_flops(), widest.channels

    assert traced(concatenated)[1] == 16
    assert traced(own) == (traced(concatenated)[0], 7)  # the logits


class WidestImage(TorchDispatchMode):
    """Notes the most channels of any result (N, C, H, W) with more than 3x3 pixels: not of a weight."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.channels = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for each in tree_leaves(results):
            if isinstance(each, Tensor) and each.ndim == 4 and each.shape[2:].numel() > 9:
                self.channels = max(self.channels, each.shape[1])
        return results


@pytest.mark.parametrize(("backbone", "expected"), [("resnet50", 191_663_308_800), ("resnet18", 161_228_390_400)])
def test_the_floating_point_operations_are_those_of_the_published_network(backbone: str, expected: int) -> None:
    """Of one sample of 320 pixels, forward and backward; as the published form, with all levels at once, has them."""
    assert flops_per_sample(without_memory(backbone), torch.empty(1, 3, 320, 320)) == expected


# initialisation


def test_convolution_weights_are_normal_with_the_variance_of_their_output_connections() -> None:
    large = {
        name: module
        for name, module in drawn("resnet50").named_modules()
        if isinstance(module, nn.Conv2d) and module.weight.numel() >= 30_000
    }
    assert len(large) > 40
    for name, conv in large.items():
        weight = conv.weight.detach().double()
        kh, kw = conv.kernel_size
        std = math.sqrt(2 / (kh * kw * conv.out_channels))
        error = 1 / math.sqrt(weight.numel())
        assert abs(weight.std().item() / std - 1) < 5 * error / math.sqrt(2), name
        assert abs(weight.mean().item() / std) < 5 * error, name
        assert abs((weight / std).abs().lt(1).double().mean().item() - 0.6827) < 5 * 0.5 * error, name  # normal


def test_batch_norms_start_as_the_identity() -> None:
    norms = [module for module in drawn("resnet50").modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 3 + 16 * 3 + 4 + 7 + 1
    for norm in norms:
        assert (norm.weight == 1).all()
        assert (norm.bias == 0).all()


def test_the_seed_makes_the_weights() -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.detach().flatten() for parameter in PSENet(**SMALL).parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))
