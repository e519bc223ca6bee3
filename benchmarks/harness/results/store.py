"""Artifacts as files: checked against their schema, then written whole or not at all, on one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.formats import ArtifactFormat
from benchmarks.harness.results.reading import read_document
from benchmarks.harness.results.validation import problems
from ocr_models.files import write_text_atomically

A = TypeVar("A", bound=Header)


class ArtifactError(Exception):
    """An artifact that cannot be read or must not be written: one line."""


def write(path: Path, artifact: Header, form: ArtifactFormat[Any]) -> None:
    """Check an artifact and write it as one line of JSON.

    Raises:
        ArtifactError: if it does not fit its schema.
        OSError: if the file cannot be written.
    """
    document = to_document(artifact)
    if found := problems(document, form):
        raise ArtifactError(f"{path.name} does not fit {form.name}.schema.json: {found[0]}")
    write_text_atomically(path, json.dumps(document, allow_nan=False) + "\n")


def to_document(artifact: Header) -> Any:
    """An artifact as plain JSON values."""
    return msgspec.to_builtins(artifact)


def read(path: Path) -> Any:
    """The JSON object in a file, not yet checked against a schema.

    Raises:
        ArtifactError: if the file is missing or is not one JSON object (`reading.read_document`). The message contains
            the name of the file as it is.
    """
    try:
        document = read_document(path)
    except OSError as error:
        raise ArtifactError(f"{path.name}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a DocumentError, or a path that no file can have
        raise ArtifactError(f"{path.name}: {error}") from None
    if not isinstance(document, dict):
        raise ArtifactError(f"{path.name}: not a JSON object but {type(document).__name__}")
    return document


def read_as(path: Path, form: ArtifactFormat[A]) -> A:
    """A valid artifact, decoded to its type.

    Raises:
        ArtifactError: if the file is missing, or does not fit its schema.
    """
    document = read(path)
    if found := problems(document, form):
        raise ArtifactError(f"{path.name}: {found[0]}")
    return decoded(document, form)


def decoded(document: Any, form: ArtifactFormat[A]) -> A:
    """A document that fits its schema, as its type."""
    try:
        return msgspec.convert(document, form.artifact)
    except msgspec.ValidationError as error:
        raise ArtifactError(f"the document fits its schema but not its type: {error}") from error
