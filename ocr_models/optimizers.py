"""Optimisers that a gradient scaler can let skip a step: without a wait, and without a trace in their state.

Adadelta has no fused form in torch, so the scaler would make the host wait in each step. `Adadelta` skips a step on the
device.

Torch's fused SGD makes its momentum buffers without values in the first step and lets its kernel fill them. If the
gradient of that step overflows, as is usual in fp16, the kernel is skipped. The next step multiplies what the memory
happened to hold. The other fused optimisers of torch (Adam, AdamW, Adagrad) make their state as zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload
from weakref import WeakSet

import torch
from torch import Tensor

MOMENTUM = "momentum_buffer"
NEUTRAL = -0.0  # -0.0 + x is x to the last bit, also for x = -0.0

Tensors = list[Tensor] | tuple[Tensor, ...]

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


class Adadelta(torch.optim.Adadelta):
    """torch.optim.Adadelta, but that a gradient scaler's skipped step is skipped on the device, as if it never was.

    The state and its values are those of torch, up to rounding; a checkpoint of one can be loaded by the other. All
    parameters of a device and a data type are updated together.

    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.

    Args:
        params: parameters or parameter groups, real and dense.
        lr: factor of the update, a number, or a tensor on the device of the parameters.
        rho: share of the old value in both running means.
        eps: added to both running means before their square root is taken.
        weight_decay: factor of the parameters that is added to their gradients.
    """

    _step_supports_amp_scaling = True
    """Lets the gradient scaler set `found_inf` and `grad_scale`, and call `step` always."""

    def __init__(
        self, params: Any, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        # Capturable: the counter of steps is on the device of its parameter, where a skipped step can leave it.
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, capturable=True)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            columns: list[list[Tensor]] = [[] for _ in range(5)]
            self._init_group(group, *columns)
            if columns[0]:
                for alike, _ in self._group_tensors_by_device_and_dtype(columns).values():  # type: ignore[arg-type]
                    self._update(group, *alike)  # type: ignore[arg-type]
        return loss

    def _update(
        self,
        group: dict[str, Any],
        parameters: list[Tensor],
        gradients: list[Tensor],
        square_avgs: list[Tensor],
        acc_deltas: list[Tensor],
        steps: list[Tensor],
    ) -> None:
        """Of tensors on one device and of one data type. Only `_unless_skipped` changes what outlives the step."""
        device, share = parameters[0].device, 1 - group["rho"]
        skipped: Tensor | None = getattr(self, "found_inf", None)
        if skipped is not None:
            skipped = skipped.to(device, non_blocking=True)
        scale: Tensor | None = getattr(self, "grad_scale", None)  # None if the gradients have been unscaled
        if scale is not None:
            gradients = list(torch._foreach_div(gradients, scale.to(device, non_blocking=True)))
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))

        torch._foreach_add_(steps, 1)
        if skipped is not None:
            torch._foreach_sub_(steps, [skipped] * len(steps))
        _mean_unless_skipped(square_avgs, torch._foreach_mul(gradients, gradients), share, skipped)
        deviations = torch._foreach_add(square_avgs, group["eps"])
        torch._foreach_sqrt_(deviations)
        deltas = torch._foreach_add(acc_deltas, group["eps"])
        torch._foreach_sqrt_(deltas)
        torch._foreach_div_(deltas, deviations)
        torch._foreach_mul_(deltas, gradients)
        del deviations
        _mean_unless_skipped(acc_deltas, torch._foreach_mul(deltas, deltas), share, skipped)
        _subtract_unless_skipped(parameters, deltas, group["lr"], 0.0, skipped)


def _mean_unless_skipped(means: Tensors, values: Tensors, share: float, skipped: Tensor | None) -> None:
    """Set `means` to (1 - share) * means + share * values."""
    _subtract_unless_skipped(means, values, -share, -1.0, skipped)


def _subtract_unless_skipped(
    tensors: Tensors, values: Tensors, rate: float | Tensor, decay: float, skipped: Tensor | None
) -> None:
    """Set `tensors` to tensors - rate * (values + decay * tensors), unless `skipped`, (), is 1.

    This is the kernel of torch's fused SGD. It is the one operation on many tensors that a flag on the device switches
    off; arithmetic could not, since infinity and NaN in the values survive a multiplication by 0.
    """
    torch._fused_sgd_(
        tensors,
        values,
        [],
        weight_decay=decay,
        momentum=0.0,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=False,
        grad_scale=None,
        found_inf=skipped,
    )
