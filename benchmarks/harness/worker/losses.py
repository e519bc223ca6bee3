"""What a model's criterion must return."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.harness.worker.tensors import dtype_name

MAX_LOSSES = 16
RULE = "it must return a dict of tensors on its device, with `loss`, one number to minimise, among them"


def checked_losses(losses: Any, device: torch.device) -> dict[str, Tensor]:
    """What a criterion has returned in a step on a device. Looks at no value, so the host does not wait.

    Raises:
        ValueError: if it cannot be trained on or recorded; one line.
    """
    if not isinstance(losses, dict):
        raise ValueError(f"the model's criterion returned a {type(losses).__name__}: {RULE}")
    if len(losses) > MAX_LOSSES:
        raise ValueError(f"the model's criterion returned {len(losses)} losses: at most {MAX_LOSSES} can be recorded")
    if "loss" not in losses:
        raise ValueError(f"the model's criterion returned {', '.join(map(repr, losses)) or 'nothing'}: {RULE}")
    for name, values in losses.items():
        if not isinstance(name, str) or not isinstance(values, Tensor):
            raise ValueError(f"the model's criterion returned {name!r}, a {type(values).__name__}: {RULE}")
        if values.device.type != device.type:
            raise ValueError(f"the model's criterion returned {name!r} on {values.device}, not on {device}: {RULE}")
    loss = losses["loss"]
    if loss.numel() != 1 or not loss.is_floating_point():
        described = f"{dtype_name(loss)} of shape {tuple(loss.shape)}"
        raise ValueError(f"the model's criterion returned 'loss', {described}: {RULE}")
    if not loss.requires_grad:
        raise ValueError("the model's criterion returned a 'loss' that depends on no parameter: nothing can be trained")
    return losses
