"""The speed JSON: built, checked against its schema, and written so that it is never half a file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Failure

SCHEMAS = Path(__file__).parents[2] / "schemas"


class ArtifactError(Exception):
    """An artifact that cannot be read or must not be written: one line."""


def speed_json(
    *,
    log_file: str,
    model_name: str,
    mission_name: str,
    direction_id: int,
    run_mode: str,
    index: int,
    gpu_num: int,
    final_result: float,
    unit: str,
    details: dict[str, Any],
    failure: Failure | None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The ten fields in their order, then `more`, then `details`. With a failure the flag is 1 and the result 0."""
    if failure is not None:
        details = {**details, "failure": {"kind": failure.kind, "message": failure.message, "rank": failure.rank}}
    document = {
        "log_file": log_file,
        "model_name": model_name,
        "mission_name": mission_name,
        "direction_id": direction_id,
        "run_mode": run_mode,
        "index": index,
        "gpu_num": gpu_num,
        "FINAL_RESULT": 0,
        "JOB_FAIL_FLAG": 1,
        "UNIT": unit,
        **(more or {}),
        "details": details,
    }
    if failure is None:  # cleared last: whatever goes wrong above leaves a failed artifact, never a passed one
        document["FINAL_RESULT"] = round(final_result, 3)
        document["JOB_FAIL_FLAG"] = 0
    return document


def problems(document: Any, schema: str = "speed") -> list[str]:
    """What is wrong with a document, a line each: empty where it fits `schemas/<schema>.schema.json`."""
    from jsonschema.exceptions import relevance

    if unfit := _no_json(document):
        return [unfit]
    errors = sorted(_validator(schema).iter_errors(document), key=relevance, reverse=True)
    lines = [f"{_place(cause)}: {_shorten(cause.message)}" for error in errors for cause in _causes(error)]
    return list(dict.fromkeys(lines))


def _no_json(document: Any) -> str | None:
    """NaN would pass a schema: it is neither above nor below a limit."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return "document: holds NaN or infinity, which no JSON number is"
    return None


def write(path: Path, document: dict[str, Any], schema: str = "speed") -> None:
    """Check a document and write it as one line.

    Raises:
        ArtifactError: where it does not fit the schema.
        OSError: where the file cannot be written.
    """
    found = problems(document, schema)
    if found:
        raise ArtifactError(f"{path.name} does not fit {schema}.schema.json: {found[0]}")
    write_atomically(path, json.dumps(document, allow_nan=False) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is either whole or absent, readable as any new file is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: Path) -> dict[str, Any]:
    """Read an artifact; whether it fits its schema is for `problems` to say.

    Raises:
        ArtifactError: where the file is missing or does not hold one JSON object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path.name}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ArtifactError(f"{path.name}: not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ArtifactError(f"{path.name}: not a JSON object but {type(document).__name__}")
    return document


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator  # a tenth of a second that collecting cases need not pay
    from referencing import Registry, Resource

    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.schema.json"))]
    registry: Any = Registry().with_resources((each["$id"], Resource.from_contents(each)) for each in schemas)
    return Draft202012Validator({"$ref": _schema_id(schemas, schema)}, registry=registry)


def _schema_id(schemas: Sequence[dict[str, Any]], name: str) -> str:
    return next(str(each["$id"]) for each in schemas if str(each["$id"]).endswith(f"/{name}.schema.json"))


def _causes(error: Any) -> list[Any]:
    """The errors inside the branches of an error, where there are any: they name the field."""
    inner = [cause for branch in error.context or () for cause in _causes(branch)]
    return inner or [error]


def _place(error: Any) -> str:
    return ".".join(map(str, error.absolute_path)) or "document"


def _shorten(message: str, limit: int = 200) -> str:
    message = " ".join(message.split())
    return message if len(message) <= limit else f"{message[: limit - 3]}..."
