"""Recurrent layers of cuDNN, which the device fakes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.nullcuda import device

SHAPE = (2, 5, 24)


def on_gpu(name: str, layers: int, bidirectional: bool, bias: bool) -> dict[str, Any]:
    """What a layer's parameters and gradients are on the device, and what a pass does."""
    layer: nn.RNNBase = getattr(nn, name)(SHAPE[-1], 16, layers, bidirectional=bidirectional, bias=bias)
    before = [each.detach().clone() for each in layer.parameters()]
    layer.cuda()
    parameters = list(layer.parameters())
    places = sorted((each.data_ptr(), each.numel() * each.element_size()) for each in parameters)
    ends = [start + size for start, size in places]
    device.reset()
    layer(torch.rand(SHAPE, device="cuda", requires_grad=True))[0].sum().backward()
    return {
        "kept": all(torch.equal(old, new.detach().cpu()) for old, new in zip(before, parameters, strict=True)),
        "in_one_buffer": ends[:-1] == [start for start, _ in places[1:]],
        "gradients": all(each.grad is not None and each.grad.shape == each.shape for each in parameters),
        "recurrences": device.count("recurrences"),
    }
