"""The artifact formats: one per measurement, with the rules between fields that types cannot express."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from benchmarks.harness.results.artifact import SCHEMA_VERSION, Header
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact
from benchmarks.harness.results.largest_batch_artifact import LargestBatchArtifact
from benchmarks.harness.results.memory_artifact import MemoryArtifact
from benchmarks.harness.results.profile_artifact import ProfileArtifact
from benchmarks.harness.results.speed_artifact import SpeedArtifact

A = TypeVar("A", bound=Header)

Schema = dict[str, Any]
"""A JSON Schema, or a part of one."""

RUN_MODEL_NAME = "^ocr_[A-Za-z0-9]+_bs[1-9][0-9]*_(fp32|tf32|fp16|bf16)(_compile)?$"


@dataclass(frozen=True, eq=False)
class ArtifactFormat(Generic[A]):
    """How the artifact of one measurement looks.

    Attributes:
        name: of the measurement; also the suffix of the file name and the name of the schema.
        index: the field of that name.
        unit: the field UNIT; None if it depends on the model.
        artifact: its type. `details` is a union of types that differ in `source`.
        rules: JSON Schema conditions besides those of every format.
    """

    name: str
    index: int
    unit: str | None
    artifact: type[A]
    rules: tuple[Schema, ...] = ()

    def file_name(self, case_log_name: str) -> str:
        return f"{case_log_name}_{self.name}"


def _if(condition: Schema, then: Schema, otherwise: Schema | None = None) -> Schema:
    rule = {"if": condition, "then": then}
    return rule if otherwise is None else rule | {"else": otherwise}


def _details(**properties: Any) -> Schema:
    """A condition on fields of `details`."""
    return {"properties": {"details": {"properties": properties}}}


def _source(*sources: str) -> Schema:
    return _details(source={"enum": list(sources)})


def common_rules(index: int, unit: str | None) -> list[Schema]:
    """Rules of every format: the verdict, what a run (not a log) says of itself, and its arithmetic."""
    passed = {"properties": {"JOB_FAIL_FLAG": {"const": 0}}}
    run = {
        "model_name": {"pattern": RUN_MODEL_NAME},
        "mission_name": {"const": "OCR"},
        "direction_id": {"const": 0},
        "index": {"const": index},
    }
    if unit is not None:
        run["UNIT"] = {"const": unit}
    return [
        _if(
            passed,
            {
                "properties": {
                    "FINAL_RESULT": {"exclusiveMinimum": 0},
                    "details": {"not": {"required": ["failure"]}},
                }
            },
            {"properties": {"FINAL_RESULT": {"const": 0}, "details": {"required": ["failure"]}}},
        ),
        _details(schema_version={"const": SCHEMA_VERSION}),
        _if(_source("run", "light_run", "unfinished_run"), {"properties": run}),
        _if(
            _details(precision_requested={"const": "tf32"}),
            _details(precision={"properties": {"matmul": {"const": "tf32"}, "convolution": {"const": "tf32"}}}),
            _details(precision={"properties": {"matmul": {"const": "ieee"}, "convolution": {"const": "ieee"}}}),
        ),
    ]


_STATISTICS = ("arithmetic_mean", "harmonic_mean", "record_mean", "record_min", "record_max")

SPEED = ArtifactFormat(
    "speed",
    index=1,
    unit="samples/sec",
    artifact=SpeedArtifact,
    rules=(
        _if(
            _source("log"),
            {
                "properties": {
                    "index": {"enum": [1, 2, 3, 6]},
                    "UNIT": {"pattern": r"^[^\s/]+/\S+$"},  # one way to match, so that a long text takes no time
                    "details": _if(
                        {"required": ["failure"]},
                        {"properties": {name: {"const": None} for name in _STATISTICS}},
                        {
                            "properties": {
                                "records_used": {"minimum": 1},
                                **{name: {"type": "number", "exclusiveMinimum": 0} for name in _STATISTICS},
                            }
                        },
                    ),
                }
            },
        ),
    ),
)

MEMORY = ArtifactFormat("memory", index=2, unit="MiB", artifact=MemoryArtifact)

CONVERGENCE = ArtifactFormat(
    "convergence",
    index=4,
    unit=None,
    artifact=ConvergenceArtifact,
    rules=(
        _if(
            _source("run"),
            {
                "properties": {
                    "convergence_value": {"type": "number"},
                    "loss_curve": {"minItems": 1},
                    "scores": {"minItems": 1},
                }
            },
            {"properties": {"convergence_value": {"const": None}}},
        ),
    ),
)

PROFILE = ArtifactFormat("profile", index=3, unit="%", artifact=ProfileArtifact)

LARGEST_BATCH = ArtifactFormat("largest_batch", index=6, unit="samples", artifact=LargestBatchArtifact)
