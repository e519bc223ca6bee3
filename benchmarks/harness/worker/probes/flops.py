"""What a network computes for one sample: its floating-point operations, and what its first layer gets."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness.protocol.reports import ModelReport
from benchmarks.harness.worker.probes.first_layer import FirstLayer


def model_report(model: nn.Module, inputs: Any) -> ModelReport:
    """Of forward and backward of one sample, on the meta device, which computes shapes only.

    Operations are those of matrix products and convolutions, a multiply-add counts two.

    Args:
        model: the network.
        inputs: what it gets for a batch of one sample, a tree of tensors; the first one is the image.
    """
    try:
        return _observed(_on_meta(model), _moved(inputs, torch.device("meta")))
    except NotImplementedError:  # an operation that this torch does not have there: compute it
        return _observed(copy.deepcopy(model), _moved(inputs, next(model.parameters()).device))


def _moved(inputs: Any, device: torch.device) -> Any:
    return tree_map(lambda each: each.to(device) if isinstance(each, Tensor) else each, inputs)


def _observed(model: nn.Module, inputs: Any) -> ModelReport:
    image = next(each for each in tree_leaves(inputs) if isinstance(each, Tensor))
    with FlopCounterMode(display=False) as counter:
        with FirstLayer(model, image) as first_layer:
            outputs = tree_leaves(model(inputs))
        trained = [each.sum() for each in outputs if isinstance(each, Tensor) and each.requires_grad]
        torch.stack(trained).sum().backward()
    return ModelReport(int(counter.get_total_flops()), first_layer.shape)


def _on_meta(model: nn.Module) -> nn.Module:
    """A copy on the meta device. The values of parameters and buffers are not copied on the way."""
    memo: dict[int, Any] = {id(each): each.detach().to("meta") for each in model.buffers()}
    for each in model.parameters():
        memo[id(each)] = nn.Parameter(each.detach().to("meta"), requires_grad=each.requires_grad)
    return copy.deepcopy(model, memo).to("meta")


def flops_per_sample(model: nn.Module, inputs: Any) -> int:
    """Operations of forward and backward of one sample. The arguments are those of `model_report`."""
    return model_report(model, inputs).flops_per_sample
