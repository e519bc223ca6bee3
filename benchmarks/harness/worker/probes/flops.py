"""What a network computes for one sample: its floating-point operations, and what its first layer gets."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness.protocol.reports import ModelReport
from benchmarks.harness.worker.probes.first_layer import FirstLayer


def model_report(model: nn.Module, input_shape: tuple[int, ...]) -> ModelReport:
    """Of forward and backward of one sample, on the meta device, which computes shapes only.

    Operations are those of matrix products and convolutions, a multiply-add counts two. `input_shape` has no batch
    dimension.
    """
    try:
        return _observed(_on_meta(model), torch.empty(1, *input_shape, device="meta"))
    except NotImplementedError:  # an operation that this torch does not have there: compute it
        device = next(model.parameters()).device
        return _observed(copy.deepcopy(model), torch.zeros(1, *input_shape, device=device))


def _observed(model: nn.Module, sample: Tensor) -> ModelReport:
    with FlopCounterMode(display=False) as counter:
        with FirstLayer(model, sample) as first_layer:
            outputs = tree_leaves(model(sample))
        trained = [each.sum() for each in outputs if isinstance(each, Tensor) and each.requires_grad]
        torch.stack(trained).sum().backward()
    return ModelReport(int(counter.get_total_flops()), first_layer.shape)


def _on_meta(model: nn.Module) -> nn.Module:
    """A copy on the meta device. The values of parameters and buffers are not copied on the way."""
    memo: dict[int, Any] = {id(each): each.detach().to("meta") for each in model.buffers()}
    for each in model.parameters():
        memo[id(each)] = nn.Parameter(each.detach().to("meta"), requires_grad=each.requires_grad)
    return copy.deepcopy(model, memo).to("meta")


def flops_per_sample(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Operations of forward and backward of one sample."""
    return model_report(model, input_shape).flops_per_sample
