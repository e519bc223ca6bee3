"""Optimisers whose state stays defined if a gradient scaler skips their first step.

Torch's fused SGD makes its momentum buffers without values in the first step and lets its kernel fill them. If the
gradient of that step overflows, as is usual in fp16, the kernel is skipped. The next step multiplies what the memory
happened to hold. The other fused optimisers of torch (Adam, AdamW, Adagrad) make their state as zeros.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

MOMENTUM = "momentum_buffer"
NEUTRAL = -0.0  # -0.0 + x is x to the last bit, also for x = -0.0

_guarded: WeakSet[torch.optim.Optimizer] = WeakSet()


def define_skipped_momentum(optimizer: torch.optim.Optimizer) -> None:
    """From now on, a momentum buffer that is made in a skipped step is zero.

    The first step that is not skipped is then the first step of a new optimiser, to the last bit; with dampening it is
    (1 - dampening) times as large. Steps that are not skipped stay as they are. The host never waits for the device.
    May be called several times.
    """
    if not isinstance(optimizer, torch.optim.SGD) or optimizer in _guarded:
        return
    _guarded.add(optimizer)
    without: list[Tensor] = []

    def note_missing(*_: Any) -> None:
        without.clear()
        if getattr(optimizer, "found_inf", None) is not None:  # set by a scaler that leaves skipping to the optimiser
            parameters = (each for group in optimizer.param_groups if group["momentum"] for each in group["params"])
            without.extend(each for each in parameters if each.grad is not None and _momentum(optimizer, each) is None)

    def define(*_: Any) -> None:
        skipped: Tensor | None = getattr(optimizer, "found_inf", None)
        for parameter in without:
            momentum = _momentum(optimizer, parameter)
            if momentum is not None and skipped is not None:
                momentum.masked_fill_(skipped.to(momentum.device, non_blocking=True) > 0, NEUTRAL)
        without.clear()

    optimizer.register_step_pre_hook(note_missing)
    optimizer.register_step_post_hook(define)


def _momentum(optimizer: torch.optim.Optimizer, parameter: Tensor) -> Tensor | None:
    found: Tensor | None = optimizer.state.get(parameter, {}).get(MOMENTUM)
    return found
