"""Parameters of single measurements, which a plan carries as JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class NoParameters(Struct, frozen=True):
    """Of a measurement that needs none."""


class ConvergenceParameters(Struct, frozen=True):
    """Of a convergence case.

    Attributes:
        target: score to be reached after the last step, from 0 to 1.
        metric: name of that score among the figures of an evaluation.
        evaluations: number of evaluations, evenly spread over the steps.
        folder: for the checkpoint and for what was evaluated.
        resume: whether to resume from the checkpoint in that folder, if there is one.
        split: that is scored; "train" means the training samples themselves.
    """

    target: float
    metric: str
    evaluations: int
    folder: str
    resume: bool
    split: Literal["test", "train"] = "test"


def evaluation_steps(steps: int, evaluations: int, done: int = 0) -> list[int]:
    """The steps after which to evaluate, evenly spread, the last step included; those up to `done` left out."""
    if evaluations >= steps:
        return list(range(done + 1, steps + 1))
    return [step for number in range(1, evaluations + 1) if (step := steps * number // evaluations) > done]
