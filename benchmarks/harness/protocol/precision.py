"""What a precision means for torch. The worker applies it; results are compared with it."""

from __future__ import annotations

from typing import Literal

from benchmarks.cases import Precision
from benchmarks.harness.protocol.reports import PrecisionSettings

FP32_MODES: dict[Precision, Literal["ieee", "tf32"]] = {"fp32": "ieee", "tf32": "tf32", "fp16": "ieee", "bf16": "ieee"}
"""Of matrix products and convolutions in float32."""

AUTOCAST: dict[Precision, Literal["float16", "bfloat16"]] = {"fp16": "float16", "bf16": "bfloat16"}
"""Names of torch's types to which autocast casts. It is off in the other precisions."""


INITIAL_LOSS_SCALE = 2.0**16
"""Factor on the loss before the first step of an fp16 training. It is halved after each step that overflows."""

GROWTH_INTERVAL = 2000
"""It is doubled after so many steps in a row without an overflow."""


def expected_settings(precision: Precision) -> PrecisionSettings:
    """The arithmetic that torch must be set to."""
    mode = FP32_MODES[precision]
    return PrecisionSettings(mode, mode, AUTOCAST.get(precision), gradient_scaler=precision == "fp16")
