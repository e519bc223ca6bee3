"""Field types with bounds and units. JSON Schema and docs/artifact.md are derived from them.

Structs are validated when they are decoded; JSON has no NaN, so a number that is not finite is encoded as null.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta


def about(description: str) -> Meta:
    """Describes a field in the schema and in docs/artifact.md."""
    return Meta(description=description)


def _unit(name: str) -> dict[str, str]:
    return {"unit": name}


Text = Annotated[str, Meta(min_length=1)]
Line = Annotated[str, Meta(pattern=r"^[^\r\n]+$")]
Count = Annotated[int, Meta(ge=0)]
PositiveCount = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=0, extra_json_schema=_unit("bytes"))]
PositiveBytes = Annotated[int, Meta(ge=1, extra_json_schema=_unit("bytes"))]
Pixels = Annotated[int, Meta(ge=1, extra_json_schema=_unit("pixels"))]
Seconds = Annotated[float, Meta(ge=0, extra_json_schema=_unit("s"))]
PositiveSeconds = Annotated[float, Meta(gt=0, extra_json_schema=_unit("s"))]
Amount = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
PositiveRatio = Annotated[float, Meta(gt=0)]
SamplesPerSecond = Annotated[float, Meta(gt=0, extra_json_schema=_unit("samples/s"))]
Tflops = Annotated[float, Meta(gt=0, extra_json_schema=_unit("TFLOP/s"))]
TerabytesPerSecond = Annotated[float, Meta(gt=0, extra_json_schema=_unit("TB/s"))]
Flops = Annotated[int, Meta(ge=1, extra_json_schema=_unit("FLOP"))]
