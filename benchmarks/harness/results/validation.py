"""Documents checked with jsonschema. Other programs can do the same with the files in `schemas/`."""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from typing import Any

from benchmarks.harness.results.formats import ArtifactFormat, Schema
from benchmarks.harness.results.printable import shorten
from benchmarks.harness.results.reading import NOT_FINITE
from benchmarks.harness.results.schema import schema_of

MAX_PROBLEMS = 100
"""A document may be wrong in each of its values. Nobody reads more, and finding them takes time."""

MAX_LENGTH = 200


def problems(document: Any, form: ArtifactFormat[Any]) -> list[str]:
    """What is wrong with a document, a line each, such as "details.seed: -1 is less than the minimum of 0".

    At most `MAX_PROBLEMS`.
    """
    if unfit := _no_flag(document):
        return [unfit]
    return problems_of(document, _validator(form))


def problems_of(document: Any, validator: Any) -> list[str]:
    """The same of a document that is no artifact, with the validator of its schema."""
    from jsonschema.exceptions import relevance  # 0.1 s that collecting tests need not spend

    if unfit := _not_json(document):
        return [unfit]
    errors = sorted(islice(validator.iter_errors(document), MAX_PROBLEMS), key=relevance, reverse=True)
    lines = (f"{_json_path(cause)}: {_message(cause)}" for error in errors for cause in _causes(error))
    return list(dict.fromkeys(islice(lines, MAX_PROBLEMS)))


def _not_json(document: Any) -> str | None:
    """NaN would pass a schema: it is neither above nor below a limit."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return f"document: {NOT_FINITE}"
    return None


def _no_flag(document: Any) -> str | None:
    """The flag decides which rules apply, so a wrong one is reported alone. A schema does not tell 0.0 from 0."""
    if not isinstance(document, dict) or "JOB_FAIL_FLAG" not in document:
        return None
    flag = document["JOB_FAIL_FLAG"]
    return None if type(flag) is int and flag in (0, 1) else f"JOB_FAIL_FLAG: {_shown(flag)} is not 0 or 1"


@cache
def _validator(form: ArtifactFormat[Any]) -> Any:
    return validator_of(schema_of(form))


def validator_of(schema: Schema) -> Any:
    """What `problems_of` checks with."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


def _causes(error: Any) -> list[Any]:
    """The errors inside the branches of an error, if there are any: they name the field."""
    inner = [cause for branch in error.context or () for cause in _causes(branch)]
    return inner or [error]


def _json_path(error: Any) -> str:
    return shorten(".".join(map(str, error.absolute_path)), MAX_LENGTH) or "document"


def _message(error: Any) -> str:
    """Python's True and False are not what the file contains."""
    message = error.message
    if isinstance(error.instance, bool):
        message = f"{_shown(error.instance)}{message.removeprefix(str(error.instance))}"
    return shorten(" ".join(message.split()), MAX_LENGTH)


def _shown(value: Any) -> str:
    return shorten(json.dumps(value), MAX_LENGTH)
