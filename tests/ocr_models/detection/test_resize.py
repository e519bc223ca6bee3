"""Resizing as on a GPU against torch's own, on the CPU."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ocr_models.detection import resize as module
from ocr_models.detection.resize import resize

SIZES = [
    ((5, 7), (10, 14)),
    ((5, 7), (13, 11)),
    ((12, 10), (6, 5)),  # smaller
    ((10, 31), (31, 7)),  # one way larger, the other smaller
    ((3, 4), (24, 32)),
    ((1, 1), (9, 4)),
    ((9, 4), (1, 1)),
    ((6, 6), (6, 6)),
    ((16, 9), (64, 71)),
]
FORMATS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture(autouse=True)
def _as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_on_gpu", lambda x: x.device.type != "meta")
    module._weights.clear()
    yield
    module._weights.clear()


def torch_resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def normal(shape: tuple[int, ...], dtype: torch.dtype, memory_format: torch.memory_format, seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.to(dtype).to(memory_format=memory_format)


def gradient(function: object, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().clone().requires_grad_()
    resized = function(x, grad)  # type: ignore[operator]
    resized.backward(grad)
    assert x.grad is not None
    return resized.detach(), x.grad


# values and gradients


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-7), (torch.float64, 1e-14)])
@pytest.mark.parametrize(("size", "new_size"), SIZES)
def test_values_and_gradients_are_those_of_torch(
    size: tuple[int, int],
    new_size: tuple[int, int],
    dtype: torch.dtype,
    tolerance: float,
    memory_format: torch.memory_format,
) -> None:
    for n, c in ((2, 8), (1, 1), (3, 1), (0, 3)):
        x, grad = (normal((n, c, *each), dtype, memory_format, seed) for seed, each in enumerate((size, new_size)))
        found, expected = gradient(resize, x, grad), gradient(torch_resize, x, grad)
        assert torch.equal(found[0], expected[0])
        scale = max(1.0, new_size[0] * new_size[1] / (size[0] * size[1]))  # a gradient sums over as many pixels
        torch.testing.assert_close(found[1], expected[1], rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("size", "new_size"), SIZES)
def test_half_precision_is_kept_and_costs_little_more_than_its_rounding(
    size: tuple[int, int], new_size: tuple[int, int], dtype: torch.dtype, memory_format: torch.memory_format
) -> None:
    x, grad = (normal((2, 8, *each), dtype, memory_format, seed) for seed, each in enumerate((size, new_size)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        resized, found = gradient(resize, x, grad)
    exact_resized, exact = gradient(torch_resize, x.double(), grad.double())
    assert resized.dtype == found.dtype == dtype
    assert torch.equal(resized, torch_resize(x, grad))
    rounding = torch.finfo(dtype).eps
    assert float((resized - exact_resized).norm() / exact_resized.norm()) < rounding
    assert float((found - exact).norm() / exact.norm()) < rounding


@pytest.mark.parametrize("memory_format", FORMATS)
def test_the_gradient_has_a_gradient(memory_format: torch.memory_format) -> None:
    """A loss may contain a norm of gradients."""
    like = torch.zeros(9, 4)
    found = []
    for function in (resize, torch_resize):
        x = normal((2, 3, 5, 7), torch.float64, memory_format).requires_grad_()
        (grad,) = torch.autograd.grad(function(x, like).square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(grad.pow(3).sum(), x)[0])
    torch.testing.assert_close(*found)


def test_the_gradient_of_a_slice_of_channels_is_taken_in_place() -> None:
    """As the gradient of a concatenation in channels_last is."""
    whole = normal((2, 12, 9, 8), torch.float64, torch.channels_last)
    part = whole[:, 4:8]
    assert not part.is_contiguous(memory_format=torch.channels_last)
    x = normal((2, 4, 4, 5), torch.float64, torch.channels_last)
    torch.testing.assert_close(gradient(resize, x, part)[1], gradient(torch_resize, x, part)[1])
    in_blocks = part.permute(0, 2, 3, 1).reshape(2 * 9, 8, 4)
    assert in_blocks.data_ptr() == part.data_ptr()


@pytest.mark.parametrize("strided", [lambda g: g.sum().expand_as(g), lambda g: g.transpose(2, 3), lambda g: g[:, ::2]])
def test_a_gradient_may_have_any_strides(strided: object) -> None:
    grad = strided(normal((2, 8, 6, 6), torch.float64, torch.contiguous_format))  # type: ignore[operator]
    x = normal((2, grad.shape[1], 4, 5), torch.float64, torch.contiguous_format)
    torch.testing.assert_close(gradient(resize, x, grad)[1], gradient(torch_resize, x, grad)[1])


@pytest.mark.parametrize("memory_format", FORMATS)
def test_results_keep_the_memory_format(memory_format: torch.memory_format) -> None:
    x, grad = (normal((2, 8, *size), torch.float32, memory_format) for size in ((4, 6), (8, 9)))
    for found in gradient(resize, x, grad):
        assert found.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_stays_visible(value: float) -> None:
    x, grad = torch.ones(1, 2, 3, 3), torch.ones(1, 2, 6, 6)
    grad[0, 1, 2, 3] = value
    found = gradient(resize, x, grad)[1]
    assert not found[0, 1].isfinite().all()
    assert found[0, 0].isfinite().all()


# what it costs


def test_weights_are_made_once_for_each_size_and_type() -> None:
    x, like = torch.ones(1, 2, 4, 4, requires_grad=True), torch.empty(8, 12)
    for _ in range(3):
        resize(x, like).sum().backward()
    assert sorted(key[:2] for key in module._weights) == [(4, 8), (4, 12)]
    resize(x.double(), like).sum().backward()
    assert len(module._weights) == 4


def test_evaluation_makes_no_weights() -> None:
    with torch.no_grad():
        resize(torch.ones(1, 2, 4, 4, requires_grad=True), torch.empty(8, 8))
    resize(torch.ones(1, 2, 4, 4), torch.empty(8, 8))
    with torch.inference_mode():
        resize(torch.ones(1, 2, 4, 4, requires_grad=True), torch.empty(8, 8))
    assert not module._weights


def test_many_sizes_do_not_accumulate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WEIGHTS", 6)
    x = torch.ones(1, 2, 4, 4, requires_grad=True)
    for size in range(5, 40):
        resize(x, torch.empty(size, size)).sum().backward()
    assert len(module._weights) <= 6


def test_a_resize_counts_no_floating_point_operations() -> None:
    for device in ("cpu", "meta"):
        x = torch.ones(1, 2, 4, 4, device=device, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            resize(x, torch.empty(8, 8)).sum().backward()
        assert counter.get_total_flops() == 0


def test_tensors_without_values_leave_no_weights() -> None:
    with FakeTensorMode():
        x = torch.ones(1, 2, 4, 4, requires_grad=True)
        resize(x, torch.empty(8, 8)).sum().backward()
        assert x.grad is not None
        assert x.grad.shape == x.shape
    assert all(type(weights) is Tensor for weights in module._weights.values())
    x = torch.ones(1, 2, 4, 4, requires_grad=True)
    resize(x, torch.empty(8, 8)).sum().backward()


@pytest.mark.parametrize("memory_format", FORMATS)
def test_the_operation_is_what_it_declares(memory_format: torch.memory_format) -> None:
    for dtype, shape in itertools.product((torch.float32, torch.bfloat16), ((2, 3, 8, 9), (2, 1, 8, 9), (0, 3, 4, 4))):
        grad = normal(shape, dtype, memory_format)
        tests = ("test_schema", "test_faketensor")
        torch.library.opcheck(module.resize_gradient, (grad, 4, 5), test_utils=tests)


@pytest.mark.slow
def test_a_compiled_step_is_one_graph_and_makes_no_weights() -> None:
    backend = CompileCounterWithBackend("aot_eager")

    def step(x: Tensor, like: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            resized = resize(x * 2, like)
        assert resized.dtype == x.dtype
        return resized.square().sum()

    compiled = torch.compile(step, backend=backend, dynamic=False, fullgraph=True)
    like = torch.empty(9, 6)
    found = []
    for function in (compiled, compiled, step):
        x = normal((2, 4, 5, 3), torch.bfloat16, torch.channels_last).requires_grad_()
        function(x, like).backward()
        found.append(x.grad)
    for each in found[:2]:
        torch.testing.assert_close(each, found[2], rtol=0.02, atol=0.02)
    assert backend.frame_count == 1
    called = {str(node.target) for graph in backend.graphs for node in graph.graph.nodes}
    assert not any("eye" in name or "arange" in name for name in called)
