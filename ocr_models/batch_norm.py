"""Batch normalisation whose counters of batches cost one operation a step."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d, but for its counter `num_batches_tracked`: the network that contains it calls `count_batch`.

    nn.BatchNorm2d adds to its counter in each forward pass. On a GPU this is one launch per layer and step, for numbers
    that nobody reads: the running statistics have a fixed momentum. They remain part of the weights in files.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_features, H, W) -> the same shape."""
        if self.momentum is None:  # a mean over all batches, as in torch's `update_bn`, which needs the counter
            return super().forward(x)
        self._check_input_dim(x)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
        )


def batch_norms(model: nn.Module) -> tuple[BatchNorm2d, ...]:
    """The layers of a network whose batches are to be counted."""
    return tuple(module for module in model.modules() if isinstance(module, BatchNorm2d))


def count_batch(layers: Iterable[BatchNorm2d]) -> None:
    """Add 1 to the counters of the layers that are in training. A layer without a momentum counts on its own."""
    counted = (layer.num_batches_tracked for layer in layers if layer.training and layer.momentum is not None)
    counters = [counter for counter in counted if counter is not None]
    if counters:
        torch._foreach_add_(counters, 1)
