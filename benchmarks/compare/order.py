"""The order of the two runs of a pair."""

from __future__ import annotations

import random

MAX_IMBALANCE = 4
"""Largest difference between the numbers of pairs of the two orders."""


def head_first(seed: int, number: int) -> bool:
    """Whether the head runs first in pair `number`, counted from 1; a repeated attempt keeps the order of its pair.

    A coin decides, unless one order leads by `MAX_IMBALANCE` pairs: then the other one follows (the "big stick" of
    Soares and Wu, 1983). The coin is why the interval holds under drift and autocorrelation: with no difference
    between the sides, the log ratios of the pairs have random signs, whatever the machine did. The bound is why it
    holds if the second run is always slower: five pairs of one order would then look like a difference. Blocks of
    two pairs balance better, but their signs are opposite, which raises the false alarms from 5 % to 6.6 % if the
    run means have an autocorrelation of 0.5 and far above if the load has a period of a few runs; a free coin raises
    them to 11 % under a strong drift. This rule keeps 5 % in both (`python -m benchmarks.compare --self-test`).
    """
    coin = random.Random(seed)
    lead = 0  # pairs with the head first minus the others
    first = False
    for _ in range(number):
        heads = coin.random() < 0.5
        first = lead <= -MAX_IMBALANCE or (heads and lead < MAX_IMBALANCE)
        lead += 1 if first else -1
    return first
