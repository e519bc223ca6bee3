"""Bilinear resizing that suits a GPU in both directions.

torch's own gradient on a GPU adds each value to four others by atomic additions, eagerly and compiled, and autocast
computes the whole resize in float32. Here values keep their data type, and the gradient is two small matrix products.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_weights: dict[tuple[int, int, torch.dtype, torch.device], Tensor] = {}
MAX_WEIGHTS = 256  # a training with fixed sizes needs about ten


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Resize bilinearly, each pixel an area and not a point, to the height and width of another tensor.

    Args:
        x: (N, C, H, W), of any floating point type, which is kept under autocast too.
        like: (..., H', W'), of any ratio to x.

    Returns:
        (N, C, H', W'): the values of F.interpolate, and its gradients up to rounding. A gradient that is not finite
        makes those of its whole map so.
    """
    height, width = like.shape[-2:]
    if not _on_gpu(x):
        return _interpolate(x, height, width)
    with torch.autocast(x.device.type, enabled=False):
        if not (torch.is_grad_enabled() and x.requires_grad):
            return _interpolate(x, height, width)
        if torch.compiler.is_compiling():
            _make_weights((x.shape[-2], x.shape[-1]), (height, width), x.dtype, x.device)
        resized: Tensor = _Resize.apply(x, height, width)
        return resized


def _on_gpu(x: Tensor) -> bool:
    """Whether to use the products. On a CPU torch's own gradient is faster; on the meta device its count of operations
    is that of the published network.
    """
    return x.device.type == "cuda"


def _interpolate(x: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


class _Resize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, height: int, width: int) -> Tensor:
        ctx.size = x.shape[-2:]
        return _interpolate(x, height, width)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return resize_gradient(grad, *ctx.size), None, None


# One operation for whoever looks at operations: to a compiler, so that the weights are never computed in a step, and to
# a counter of floating-point operations, because a resize counts none.
@torch.library.custom_op("ocr_models::resize_gradient", mutates_args=())
def resize_gradient(grad: Tensor, height: int, width: int) -> Tensor:
    """Gradient with respect to the output (N, C, H', W') -> to the input (N, C, height, width), in the same format."""
    n, c, from_height, from_width = grad.shape
    columns = interpolation_weights(width, from_width, grad.dtype, grad.device)  # (W, W')
    rows = interpolation_weights(height, from_height, grad.dtype, grad.device)  # (H, H')
    with torch.autocast(grad.device.type, enabled=False):
        if _is_channels_last(grad):
            pixels = grad.permute(0, 2, 3, 1).reshape(n * from_height, from_width, c)  # a view of a slice of channels
            pixels = torch.bmm(columns.expand(n * from_height, -1, -1), pixels)  # (N * H', W, C)
            pixels = torch.bmm(rows.expand(n, -1, -1), pixels.view(n, from_height, width * c))  # (N, H, W * C)
            return pixels.view(n, height, width, c).permute(0, 3, 1, 2)
        planes = torch.mm(grad.reshape(n * c * from_height, from_width), columns.t())  # (N * C * H', W)
        planes = torch.bmm(rows.expand(n * c, -1, -1), planes.view(n * c, from_height, width))  # (N * C, H, W)
        return planes.view(n, c, height, width)


@resize_gradient.register_fake
def _(grad: Tensor, height: int, width: int) -> Tensor:
    n, c = grad.shape[:2]
    if _is_channels_last(grad):
        return grad.new_empty(n, height, width, c).permute(0, 3, 1, 2)
    return grad.new_empty(n, c, height, width)


def _keep_size(ctx: Any, inputs: tuple[Tensor, int, int], output: Tensor) -> None:  # noqa: ARG001  # torch's names
    ctx.size = inputs[0].shape[-2:]


def _gradient_of_gradient(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
    """The operation is linear, and the resize is its adjoint: a loss may contain a norm of gradients."""
    return _interpolate(grad, *ctx.size), None, None


resize_gradient.register_autograd(_gradient_of_gradient, setup_context=_keep_size)


def _is_channels_last(x: Tensor) -> bool:
    """Whether channels are the innermost dimension, also of a slice of channels."""
    return x.shape[1] > 1 and x.stride(1) == 1


def interpolation_weights(size: int, new_size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """How much each of `size` pixels in a line contributes to each of `new_size`: (size, new_size), made once."""
    key = (size, new_size, dtype, device)
    if key in _weights:
        return _weights[key]
    exact = torch.promote_types(dtype, torch.float32)  # torch computes positions in it, whatever the type of the pixels
    lines = torch.eye(size, dtype=exact, device=device).view(1, size, size, 1)
    weights = _interpolate(lines, new_size, 1).view(size, new_size).to(dtype)
    if type(weights) is Tensor:  # not of a tracer, which has no values
        if len(_weights) >= MAX_WEIGHTS:
            _weights.clear()
        _weights[key] = weights
    return weights


def _make_weights(size: tuple[int, int], new_size: tuple[int, int], dtype: torch.dtype, device: torch.device) -> bool:
    """Runs when a step is compiled: memory that a CUDA graph allocates would be reused by its next replay."""
    for pixels, new_pixels in zip(size, new_size, strict=True):
        interpolation_weights(pixels, new_pixels, dtype, device)
    return True


# What torch.compiler.assume_constant_result does, without its import of the whole compiler: dynamo calls the function.
_make_weights._dynamo_marked_constant = True  # type: ignore[attr-defined]
