"""The states of CTC's recursion.

A path emits a class in each of the T time steps, and reads as the label if repeats and then blanks are dropped. So it
runs through the S = 2 L + 1 states of the label: its characters, with a blank before, between and behind them. From one
step to the next a path stays, goes one state on, or skips a blank between two different characters.

The recursion runs forward and backward at once: "backward" reverses time and states, which makes it the same. All
tensors have the samples last, so that neighbouring states are contiguous blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ocr_models.crnn.labels import BLANK

BEFORE = 2
"""States in front of the first one, without a path: from them no state is reached."""


class States(NamedTuple):
    """The states of a batch's labels.

    Attributes:
        classes: (S, N) int64: what each state emits.
        skips: (S, 2, N) bool: whether a path may go from a state to the next but one, forward and backward.
        starts: (S, 2, N) bool: the state to which the only path belongs before the first step.
    """

    classes: Tensor
    skips: Tensor
    starts: Tensor


def states_of(labels: Tensor, lengths: Tensor) -> States:
    """Labels (N, L) and lengths (N,). Behind the end of a label are states that lead nowhere."""
    n, length = labels.shape
    classes = labels.new_full((2 * length + 1, n), BLANK)
    classes[1::2] = labels.t()
    skips = torch.zeros(2 * length + 1, 2, n, dtype=torch.bool, device=labels.device)
    differ = (labels[:, 1:] != labels[:, :-1]).t()  # (L-1, N)
    skips[1:-2:2, 0], skips[1:-2:2, 1] = differ, differ.flip(0)
    index = torch.arange(2 * length + 1, device=labels.device).unsqueeze(1)  # (S, 1)
    starts = torch.stack((index.expand(-1, n) == 0, index == 2 * (length - lengths)), 1)
    return States(classes, skips, starts)


def in_both_directions(emitted: Tensor) -> Tensor:
    """(T, S, N) -> (T, S, 2, N): forward, and with time steps and states reversed."""
    return torch.stack((emitted, emitted.flip(0, 1)), 2)
