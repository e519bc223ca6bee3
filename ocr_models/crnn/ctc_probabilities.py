"""CTC in plain probabilities: for the CPU, where logarithms cost more than all the rest.

In each time step, the probabilities are divided by four times that of the label's most probable class. Then no sum over
paths, forward or backward, exceeds 1, and whatever a float64 loses is below 1e-307 of it. Next to a label's sum of
1e-280 that does not count. Each label is checked for it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.crnn import ctc_logarithms
from ocr_models.crnn.labels import BLANK
from ocr_models.machine_code import compiled

LEAST = 1e-280

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def nll_and_slopes(
    logits: Tensor, labels: Tensor, lengths: Tensor, with_slopes: bool = True
) -> tuple[Tensor, Tensor | None]:
    """As `ctc_logarithms.nll_and_slopes`, which it asks for labels whose probability is too small.

    Raises:
        ValueError: if a length is not from 0 to L, or a label has a class that there is not.
    """
    softmax = logits.softmax(2, dtype=torch.float64)
    nll = torch.empty(len(logits), dtype=torch.float64)
    compiled(_recursion)(  # contiguous: it would be compiled again for other layouts
        softmax.numpy(), labels.contiguous().numpy(), lengths.contiguous().numpy(), LEAST, nll.numpy(), with_slopes
    )
    left = nll.isnan()
    if left.any():  # also in float64: a float32 rounds -log p by more than a gradient may differ
        nll[left], slopes = ctc_logarithms.nll_and_slopes(
            logits[left].double(), labels[left], lengths[left], with_slopes
        )
        if slopes is not None:
            softmax[left] = slopes
    return nll.to(logits.dtype), softmax.to(logits.dtype) if with_slopes else None


def _recursion(
    softmax: Floats, labels: Integers, lengths: Integers, least: float, nll: Floats, with_slopes: bool
) -> None:
    """Forward and backward through the states of each label, which are described in `ctc_states`.

    Args:
        softmax: (N, T, C), becomes the gradient of `nll` at the logits.
        labels: (N, L).
        lengths: (N,).
        least: labels with smaller scaled probabilities are left to logarithms.
        nll: (N,), written to: -log p, NaN for a label that is left.
        with_slopes: else `softmax` stays.
    """
    steps, size = softmax.shape[1], 2 * labels.shape[1] + 1
    classes = np.full(size, BLANK)
    skips = np.zeros(size + 2)  # 1 if a path may come from the last state but one
    emitted = np.empty((steps, size))
    leaving = np.zeros((steps + 1, size + 2))  # sums over paths to a state, behind two states without any
    backward, ahead = np.empty(size), np.zeros(size + 2)  # sums over paths from a state, without and with what it emits
    for n in range(len(labels)):
        length = lengths[n]
        if not 0 <= length <= labels.shape[1]:
            raise ValueError("a length is not from 0 to the width of the labels")
        states = 2 * length + 1
        shortest = length
        for i in range(length):
            number = labels[n, i]
            if not 0 <= number < softmax.shape[2]:
                raise ValueError("a label has a class that there is not")
            classes[2 * i + 1] = number
            repeated = i > 0 and number == labels[n, i - 1]
            skips[2 * i + 1] = i > 0 and not repeated
            shortest += repeated

        leaving[0, 2] = 1
        scale, log_scale, plain = 1.0, 0.0, True  # the product of all divisors is scale * exp(log_scale)
        for t in range(steps):
            best = softmax[n, t, BLANK]
            for s in range(1, states, 2):
                best = max(best, softmax[n, t, classes[s]])
            if not best >= least:  # also for NaN
                plain = False
                break
            scale *= 4 * best
            if scale < 1e-20:
                log_scale += math.log(scale)
                scale = 1.0
            before, after, inverse = leaving[t], leaving[t + 1], 0.25 / best
            for s in range(states):
                emitted[t, s] = softmax[n, t, classes[s]] * inverse
            for s in range(states):
                after[s + 2] = (before[s + 2] + before[s + 1] + skips[s] * before[s]) * emitted[t, s]

        probability = leaving[steps, states + 1] + leaving[steps, states]
        nll[n] = np.nan
        if plain and shortest > steps:
            nll[n], softmax[n] = np.inf, 0
        elif plain and probability >= least:
            nll[n] = -(log_scale + math.log(scale * probability))
        if not with_slopes or not np.isfinite(nll[n]):
            continue
        backward[:states] = 0
        backward[max(states - 2, 0) : states] = 1 / probability
        ahead[states:] = 0
        for t in range(steps - 1, -1, -1):
            for s in range(states):
                softmax[n, t, classes[s]] -= leaving[t + 1, s + 2] * backward[s]
                ahead[s] = backward[s] * emitted[t, s]
            for s in range(states):
                backward[s] = ahead[s] + ahead[s + 1] + skips[s + 2] * ahead[s + 2]
