"""Documents checked with jsonschema. Other programs can do the same with the files in `schemas/`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from benchmarks.harness.results.formats import ArtifactFormat
from benchmarks.harness.results.schema import schema_of


def problems(document: Any, form: ArtifactFormat[Any]) -> list[str]:
    """What is wrong with a document, a line each, such as "details.seed: -1 is less than the minimum of 0"."""
    from jsonschema.exceptions import relevance  # 0.1 s that collecting tests need not spend

    if unfit := _not_json(document):
        return [unfit]
    errors = sorted(_validator(form).iter_errors(document), key=relevance, reverse=True)
    lines = [f"{_json_path(cause)}: {_shorten(cause.message)}" for error in errors for cause in _causes(error)]
    return list(dict.fromkeys(lines))


def _not_json(document: Any) -> str | None:
    """NaN would pass a schema: it is neither above nor below a limit."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return "document: contains NaN or infinity, which JSON does not have"
    return None


@cache
def _validator(form: ArtifactFormat[Any]) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema_of(form))


def _causes(error: Any) -> list[Any]:
    """The errors inside the branches of an error, if there are any: they name the field."""
    inner = [cause for branch in error.context or () for cause in _causes(branch)]
    return inner or [error]


def _json_path(error: Any) -> str:
    return ".".join(map(str, error.absolute_path)) or "document"


def _shorten(message: str, limit: int = 200) -> str:
    message = " ".join(message.split())
    return message if len(message) <= limit else f"{message[: limit - 3]}..."
