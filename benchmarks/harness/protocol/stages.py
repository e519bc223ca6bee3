"""Where a rank is in its case. Phases are reported as they begin; stages divide a step."""

from __future__ import annotations

from dataclasses import dataclass

START = "start"  # the agent starts the rank, or waits for other nodes
SET_UP, WARM_UP, WINDOW, TRAINING, EVALUATION, PROBES = (
    "set-up",
    "warm-up",
    "measured steps",
    "training",
    "evaluation",
    "probes",
)
OTHER, END = "other", "end"
"""Parts of the fixed time of a case: what has no name of its own, and what follows the results of the ranks."""
STEPPING_PHASES = (WARM_UP, WINDOW, TRAINING)
"""Phases in which every step is a sign of life."""

STAGES = ("set-up", "data", "forward", "backward", "optimizer", "evaluation", "probes", "waiting for rank 0")
"""In the order in which a rank passes through them; the rank that is furthest behind is the cause of a hang."""


@dataclass
class Position:
    """Step (from 1; 0 before the first) and stage of a rank. Written by the training, read by the liveness thread."""

    step: int = 0
    stage: str = STAGES[0]
