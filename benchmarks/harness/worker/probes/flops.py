"""Floating-point operations of the training step."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


def flops_per_sample(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Operations of forward and backward of one sample: matrix products and convolutions, a multiply-add counts two.

    Counted on the meta device, which computes shapes only. `input_shape` has no batch dimension.
    """
    shapes = copy.deepcopy(model).to("meta")
    with FlopCounterMode(display=False) as counter:
        outputs = tree_leaves(shapes(torch.empty(1, *input_shape, device="meta")))
        trained = [each.sum() for each in outputs if isinstance(each, Tensor) and each.requires_grad]
        torch.stack(trained).sum().backward()
    return int(counter.get_total_flops())
