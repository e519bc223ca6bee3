"""CTC in plain probabilities: for the CPU, where logarithms cost more than all the rest.

A float64 holds probabilities down to 1e-308. What is below is lost, but no more than that per state and step: next to
a label's probability of 1e-280 it does not count. Whether each label has it is seen at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ocr_models.crnn.ctc_states import BEFORE, BLANK, States, in_both_directions, states_of

LEAST = 1e-280


def nll_and_slopes(
    logits: Tensor, labels: Tensor, lengths: Tensor, with_slopes: bool = True
) -> tuple[Tensor, Tensor | None] | None:
    """As `ctc_logarithms.nll_and_slopes`; None if the probability of a label is too small."""
    labels = labels[:, : int(lengths.max())] if len(lengths) else labels
    states = states_of(labels, lengths)
    softmax = _softmax(logits)  # (T, C, N)
    emitted = softmax.gather(1, states.classes.expand(len(softmax), -1, -1))  # (T, S, N)
    arriving, leaving = _recursion(in_both_directions(emitted), states)
    probability = leaving[-1, -1, 1] + leaving[-1, -2, 1]  # (N,)
    fits = _shortest_path(labels, lengths) <= len(softmax)
    if not bool(((probability >= LEAST) | ~fits).all()):
        return None
    nll = -probability.log().to(logits.dtype)
    if not with_slopes:
        return nll, None
    softmax.mul_(fits)
    posteriors = leaving[1:, BEFORE:, 0] * arriving[:, :, 1].flip(0, 1)  # (T, S, N)
    posteriors.div_(torch.where(fits, probability, 1))
    softmax[:, BLANK] -= posteriors[:, ::2].sum(1)
    softmax.scatter_add_(1, labels.t().expand(len(softmax), -1, -1), posteriors[:, 1::2].neg())
    return nll, torch.empty_like(logits, memory_format=torch.contiguous_format).copy_(softmax.permute(2, 0, 1))


def _recursion(emitted: Tensor, states: States) -> tuple[Tensor, Tensor]:
    """The probability of all ways to a state, without and with what it emits.

    Args:
        emitted: (T, S, 2, N), probabilities.
        states: of S states.

    Returns:
        arriving: (T, S, 2, N).
        leaving: (T + 1, BEFORE + S, 2, N): before the first step and after each.
    """
    steps, size, _, n = emitted.shape
    arriving = torch.empty_like(emitted)
    leaving = emitted.new_empty(steps + 1, BEFORE + size, 2, n)
    leaving[:, :BEFORE] = 0
    leaving[0, BEFORE:] = states.starts
    skips = torch.zeros_like(emitted[0])
    skips[BEFORE:] = states.skips[:-BEFORE]
    stay, go, skip = leaving[:, 2:].unbind(), leaving[:, 1:-1].unbind(), leaving[:, :-2].unbind()
    for step, (after, probability) in enumerate(zip(arriving.unbind(), emitted.unbind(), strict=True)):
        torch.add(stay[step], go[step], out=after)
        after.addcmul_(skip[step], skips)
        torch.mul(after, probability, out=stay[step + 1])
    return arriving, leaving


def _softmax(logits: Tensor) -> Tensor:
    """(N, T, C) -> (T, C, N) float64; faster than torch's, which is for the last dimension."""
    softmax = torch.empty(logits.permute(1, 2, 0).shape, dtype=torch.float64).copy_(logits.permute(1, 2, 0))
    softmax.sub_(softmax.amax(1, keepdim=True)).exp_()
    return softmax.div_(softmax.sum(1, keepdim=True))


def _shortest_path(labels: Tensor, lengths: Tensor) -> Tensor:
    """The number of time steps that each label needs at least: (N, L) and (N,) -> (N,)."""
    inside = torch.arange(labels.shape[1])[1:] < lengths.unsqueeze(1)  # (N, L-1)
    return lengths + ((labels[:, 1:] == labels[:, :-1]) & inside).sum(1)
