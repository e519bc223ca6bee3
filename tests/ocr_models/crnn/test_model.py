"""The network: its shapes, its cost, and its logits in every precision and memory format."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.harness.worker.probes.flops import flops_per_sample
from ocr_models.crnn import CRNN

BACKBONES = ["resnet", "vgg"]


def without_memory(backbone: str, **options: Any) -> CRNN:
    """A network on the meta device: it has shapes, but stores and computes nothing."""
    with torch.device("meta"):
        return CRNN(backbone, **options)


def narrow(backbone: str, **options: Any) -> CRNN:
    torch.manual_seed(0)
    return CRNN(backbone, width=32, hidden=8, **options)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def images(count: int = 2, width: int = 48) -> Tensor:
    return torch.randn(count, 1, 32, width, generator=torch.Generator().manual_seed(1))


# shapes and cost


@pytest.mark.parametrize(
    ("width", "resnet", "vgg"),
    [(100, 26, 24), (128, 33, 31), (160, 41, 39), (256, 65, 63), (320, 81, 79), (103, 26, 24), (8, 3, 1)],
)
def test_time_steps_of_a_width(width: int, resnet: int, vgg: int) -> None:
    for backbone, steps in (("resnet", resnet), ("vgg", vgg)):
        model = narrow(backbone, channels=3, classes=95)
        with torch.no_grad():
            assert model.features(torch.zeros(2, 3, 32, width)).shape == (2, steps, 32)
            assert model(torch.zeros(2, 3, 32, width)).shape == (2, steps, 95)


@pytest.mark.parametrize(
    ("backbone", "parts"), [("resnet", [44_263_904, 2_892_288, 9_509]), ("vgg", [5_549_824, 2_892_288, 9_509])]
)
def test_parameter_counts(backbone: str, parts: list[int]) -> None:
    model = without_memory(backbone)
    assert [parameter_count(each) for each in model.children()] == parts
    assert parameter_count(without_memory(backbone, classes=95)) == sum(parts) + 58 * 257
    kernels = next(each for each in model.modules() if isinstance(each, nn.Conv2d)).out_channels
    assert parameter_count(without_memory(backbone, channels=3)) == sum(parts) + 2 * 9 * kernels


@pytest.mark.parametrize(
    ("backbone", "forward", "first_layer"),
    [pytest.param("resnet", 5120.05, 0.92, marks=pytest.mark.exhaustive), ("vgg", 686.27, 1.84)],
)
def test_the_floating_point_operations_are_those_of_the_recipe(
    backbone: str, forward: float, first_layer: float
) -> None:
    """Forward and backward of one sample, LSTMs included, in units of 10^6 multiply-adds.

    The backward pass takes twice the forward pass, but for the gradients of the images and of the LSTMs' first states.
    """
    states = 4 * 256 * 1024 / 1e6
    step = flops_per_sample(without_memory(backbone), torch.empty(1, 1, 32, 100)) / 2e6
    assert step == pytest.approx(3 * forward - first_layer - states, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet18"}, "backbone 'resnet18' is not known: choose one of resnet, vgg"),
        ({"width": 0}, "width must be a multiple of 16, not 0"),
        ({"width": 40}, "width must be a multiple of 16, not 40"),
    ],
)
def test_unknown_variants_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRNN(**options)


@pytest.mark.parametrize("height", [31, 48])
def test_images_of_another_height_are_refused(height: int) -> None:
    with pytest.raises(ValueError, match=f"images must be 32 pixels high, not {height}"):
        without_memory("vgg", width=32)(torch.empty(1, 1, height, 100, device="meta"))


# precision, formats, copies


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_under_autocast_logits_are_float32_close_to_those_in_full_precision(backbone: str, dtype: torch.dtype) -> None:
    model = narrow(backbone).eval()
    expected, seen = model(images()), []
    model.Prediction.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs.dtype))
    with torch.autocast("cpu", dtype=dtype):
        logits = model(images())
        logits.sum().backward()
    assert (seen, logits.dtype) == ([dtype], torch.float32)
    assert (logits - expected).abs().max() < 0.15 * expected.abs().max()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in model.parameters())


@pytest.mark.parametrize("backbone", BACKBONES)
def test_logits_are_the_same_in_any_memory_format_and_double_precision_stays(backbone: str) -> None:
    model = narrow(backbone).double().eval()
    expected = model(images().double())
    assert expected.dtype == torch.float64
    model.to(memory_format=torch.channels_last)
    for given in (images().double(), images().double().to(memory_format=torch.channels_last)):
        torch.testing.assert_close(model(given), expected)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_in_channels_last_every_feature_map_is(backbone: str) -> None:
    """Also behind the first layer, whose single channel fits both formats; and the LSTM's input needs no copy."""
    model, formats = narrow(backbone).to(memory_format=torch.channels_last), []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            module.register_forward_hook(lambda module, inputs, outputs: formats.append(outputs))
    assert model.features(images()).is_contiguous()
    assert formats
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in formats)


def test_a_copy_and_a_pickled_network_compute_the_same() -> None:
    model = narrow("resnet")
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    expected = copy.deepcopy(model)(images())
    for each in copies:
        assert torch.equal(each(images()), expected)
        counters = [value for key, value in each.state_dict().items() if key.endswith("num_batches_tracked")]
        assert len(counters) == 32
        assert all(counter == 1 for counter in counters)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch looks at it where it resumes a graph
def test_a_compiled_network_runs_nothing_but_its_recurrent_layers_in_eager_mode() -> None:
    """Compiled, the LSTMs would be loops over the time steps, without cuDNN."""
    model, eager = narrow("vgg"), set()
    layers = {
        module: name
        for name, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    }

    def note(module: nn.Module, _: object) -> None:
        eager.add(layers[module])

    note = torch.compiler.disable(note)  # dynamo would compile the hook itself

    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", dynamic=False)
    expected = copy.deepcopy(model)(images())
    torch.testing.assert_close(compiled(images()), expected)
    for each in layers:
        each.register_forward_pre_hook(note)
    compiled(images()).sum().backward()
    torch._dynamo.reset()
    assert eager == {f"SequenceModeling.{i}.{part}" for i in (0, 1) for part in ("rnn", "linear")}
