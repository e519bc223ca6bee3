"""What the gradient scaler of an fp16 training did: how often it skipped a step, and the scale it reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from benchmarks.cases import Precision
from benchmarks.harness.protocol.precision import GROWTH_INTERVAL, INITIAL_LOSS_SCALE
from benchmarks.harness.protocol.quantities import Count, about
from benchmarks.harness.protocol.records import Failure, StepRecord

ALLOWED_FRACTION = 0.05
"""Of the measured steps. A scaler at work skips one step in thousands; more means that its scale had not settled."""

SMALLEST_EXPONENT = -149  # of a float32: half of it is 0


class GradientScaling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scaler multiplies the loss. A step whose gradient overflows is skipped and halves its scale."""

    skipped_warmup_steps: Annotated[Count, about("skipped before the measured steps")]
    skipped_steps: Annotated[Count, about("skipped measured steps, earlier interrupted runs of a training included")]
    final_scale: Annotated[float, Meta(description="after the last step", ge=0)]


def gradient_scaling(records: Sequence[StepRecord], skipped_before: int = 0) -> GradientScaling | None:
    """Of the steps of a rank; None without a scaler. `skipped_before` are those of earlier, interrupted runs."""
    if not records or (scale := records[-1].loss_scale) is None:
        return None
    return GradientScaling(
        skipped_warmup_steps=sum(record.skipped for record in records if record.warmup),
        skipped_steps=skipped_before + sum(record.skipped for record in records if not record.warmup),
        final_scale=scale * 0.5 if records[-1].skipped else scale,
    )


def too_many_skipped(scaling: GradientScaling | None, steps: int) -> Failure | None:
    """The failure of a case that skipped more than a few of its measured steps: what was timed is not a training."""
    if scaling is None or scaling.skipped_steps <= allowed_skips(steps):
        return None
    message = (
        f"the gradient scaler skipped {scaling.skipped_steps} of {steps} measured steps because their gradient "
        f"overflowed in fp16; at most {allowed_skips(steps)} may be: use more warm-up steps (--ocr-warmup), or bf16"
    )
    return Failure("skipped_steps", message)


def allowed_skips(steps: int) -> int:
    """Of this number of measured steps."""
    return max(1, int(ALLOWED_FRACTION * steps))


def scaling_contradictions(
    scaling: GradientScaling | None, precision: Precision, warmup_steps: int, steps: int
) -> list[str]:
    """Whether the figures of a scaler contradict the case, or each other; a line each."""
    name = "details.gradient_scaling"
    if (scaling is None) != (precision != "fp16"):
        return [f"{name}: null if and only if the precision is not fp16, but it is {precision}"]
    if scaling is None:
        return []
    counts = {"skipped_warmup_steps": warmup_steps, "skipped_steps": steps}
    found = [
        f"{name}.{field}: {getattr(scaling, field)}, but there were {most} such steps"
        for field, most in counts.items()
        if getattr(scaling, field) > most
    ]
    skipped = scaling.skipped_warmup_steps + scaling.skipped_steps
    if not found and not _is_reached(scaling.final_scale, skipped, warmup_steps + steps - skipped):
        found.append(f"{name}.final_scale: {scaling.final_scale:g}, which {skipped} skipped steps do not yield")
    return found


def _is_reached(scale: float, skipped: int, taken: int) -> bool:
    """Whether the scale is the initial one, halved per skipped step, and doubled at most once per interval."""
    most_doublings = taken // GROWTH_INTERVAL
    start = int(math.log2(INITIAL_LOSS_SCALE))
    if scale == 0:
        return start - skipped < SMALLEST_EXPONENT
    mantissa, exponent = math.frexp(scale)
    return mantissa == 0.5 and start - skipped <= exponent - 1 <= start - skipped + most_doublings
