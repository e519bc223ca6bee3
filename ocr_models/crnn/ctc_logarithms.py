"""CTC in logarithms of probabilities: for a GPU, and for whatever is too improbable for plain numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from ocr_models.crnn.ctc_states import BEFORE, States, in_both_directions, states_of


def nll_and_slopes(
    logits: Tensor, labels: Tensor, lengths: Tensor, with_slopes: bool = True
) -> tuple[Tensor, Tensor | None]:
    """-log p of each label, and its gradient: softmax minus posterior, 0 for a label that does not fit.

    Args:
        logits: (N, T, C), float32 or float64.
        labels: (N, L) int64.
        lengths: (N,) int64.
        with_slopes: whether the gradient is needed.

    Returns:
        nll: (N,).
        slopes: (N, T, C), d nll / d logits, or None.
    """
    states = states_of(labels, lengths)
    log_probs = logits.log_softmax(2)  # (N, T, C)
    by_class = log_probs.permute(1, 2, 0)  # (T, C, N)
    emitted = by_class.gather(1, states.classes.expand(len(by_class), -1, -1))  # (T, S, N)
    arriving, leaving = _recursion(in_both_directions(emitted), states)
    nll = -torch.logaddexp(leaving[-1, 0, -1, 1], leaving[-1, 0, -2, 1])  # (N,)
    if not with_slopes:
        return nll, None
    fits = nll != torch.inf
    log_posteriors = leaving[1:, 0, BEFORE:, 0] + arriving[:, :, 1].flip(0, 1)  # (T, S, N)
    posteriors = log_posteriors.add_(torch.where(fits, nll, 0)).exp_()
    slopes = log_probs.exp().mul_(fits.view(-1, 1, 1))
    return nll, slopes.sub_(_sums_per_class(posteriors, states.classes, slopes.shape[2]))


def _recursion(emitted: Tensor, states: States) -> tuple[Tensor, Tensor]:
    """The log-probability of all ways to a state, without and with what it emits.

    Args:
        emitted: (T, S, 2, N), log-probabilities.
        states: of S states.

    Returns:
        arriving: (T, S, 2, N).
        leaving: (T + 1, 2, BEFORE + S, 2, N): before the first step and after each; all of it, and the part that skips
            a state.
    """
    steps, size, _, n = emitted.shape
    arriving = torch.empty_like(emitted)
    leaving = emitted.new_full((steps + 1, 2, BEFORE + size, 2, n), -torch.inf)
    leaving[0, 0, BEFORE:].masked_fill_(states.starts, 0)
    skipping = emitted.masked_fill(~states.skips, -torch.inf)
    emitted_twice = torch.stack((emitted, skipping), 1)  # (T, 2, S, 2, N)
    stepped = torch.empty_like(emitted[0])
    for step in range(steps):
        every, skipped = leaving[step].unbind()
        torch.logaddexp(every[2:], every[1:-1], out=stepped)
        torch.logaddexp(stepped, skipped[:-2], out=arriving[step])
        torch.add(arriving[step], emitted_twice[step], out=leaving[step + 1, :, BEFORE:])
    return arriving, leaving


def _sums_per_class(posteriors: Tensor, classes: Tensor, count: int) -> Tensor:
    """(T, S, N) and the classes (S, N) of the states -> (N, T, count).

    A matrix product, because atomic additions would differ from run to run. In float64: float32 may be TensorFloat-32.
    """
    is_class = classes.t().unsqueeze(2) == torch.arange(count, device=classes.device)  # (N, S, count)
    return torch.bmm(posteriors.permute(2, 0, 1).double(), is_class.double())
