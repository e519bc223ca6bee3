"""How far a step may be from the reference of its model. The worker compares, the results recompute."""

from __future__ import annotations

import math

from benchmarks.cases import Precision

COUNT = "parameters"
"""Name of the figure that counts parameters; it must agree exactly."""

TARGETS_TOLERANCE = 2e-5  # no rounding is involved; allows for a few pixels that versions of OpenCV draw differently
TOLERANCES: dict[Precision, dict[str, float]] = {
    "fp32": {"loss": 1e-3, "gradient_norm": 5e-3, "targets": TARGETS_TOLERANCE},
    "tf32": {"loss": 4e-3, "gradient_norm": 5e-2, "targets": TARGETS_TOLERANCE},
    "fp16": {"loss": 4e-3, "gradient_norm": 5e-2, "targets": TARGETS_TOLERANCE},
    "bf16": {"loss": 8e-3, "gradient_norm": 0.15, "targets": TARGETS_TOLERANCE},
}
"""Largest relative deviation of losses, gradient norm and targets: several times what rounding was seen to cause."""


def deviation(found: float | None, expected: float) -> float | None:
    """Relative to what is expected; None if the figure is missing or not finite."""
    if found is None or not math.isfinite(found) or expected == 0:
        return None
    return abs(found - expected) / abs(expected)
