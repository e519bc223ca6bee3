"""What people do by hand instead, on the same runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.compare.self_test.noise import Runs

BLOCK = 12
"""Runs per side when all of one side are measured before the other."""

Changes = NDArray[np.int_]
"""Per replay: -1 if the head was found slower, 1 faster, 0 neither."""


def findings(runs: Runs, slowdown: float = 0.0) -> dict[str, Changes]:
    """What each finds. The head is the later side, its throughput is lower by `slowdown`."""
    base = runs.step_seconds[:, 0]
    head = runs.step_seconds[:, 1] / (1 - slowdown)
    slower = np.sign(base.mean(axis=1) - head.mean(axis=1)).astype(int)
    rank_p = stats.mannwhitneyu(base, head, axis=1, method="asymptotic").pvalue
    change = head.mean(axis=1) / base.mean(axis=1) - 1
    return {
        "Welch": slower * (stats.ttest_ind(base, head, axis=1, equal_var=False).pvalue < 0.05),
        "ranks 0.05": slower * (rank_p < 0.05),
        "ranks 0.002": slower * (rank_p < 0.002),
        "over 5 %": slower * (np.abs(change) > 0.05),
        "A, then B": _blocked(runs, slowdown),
    }


def _blocked(runs: Runs, slowdown: float) -> Changes:
    """All runs of the base, then all of the head: t on the logarithms of the run means."""
    means = np.log(runs.step_seconds.mean(axis=2))
    base, head = means[:, :BLOCK], means[:, BLOCK : 2 * BLOCK] - np.log1p(-slowdown)
    found = stats.ttest_ind(base, head, axis=1).pvalue < 0.05
    changes: Changes = np.sign(base.mean(axis=1) - head.mean(axis=1)).astype(int) * found
    return changes
