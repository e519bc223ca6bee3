"""JSON Schema (draft 2020-12) of a document, derived from its types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks.harness.results.formats import ArtifactFormat, Schema, common_rules

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "https://ocr-training-benchmarks.invalid/{name}.schema.json"


def schema_of(form: ArtifactFormat[Any]) -> Schema:
    """Of an artifact. Strict: every field is required but for `failure`, and no other field is allowed."""
    schema = strict_schema(form.artifact, form.name, [*common_rules(form.index, form.unit), *form.rules])
    schema["properties"]["details"] = _branches(schema["properties"]["details"])
    return schema


def strict_schema(kind: type[msgspec.Struct], name: str, rules: Sequence[Schema] = ()) -> Schema:
    """Of any document: every field that is not optional by its type is required, and no other field is allowed."""
    (root,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    definitions = {title: _null_last(component) for title, component in components.items()}
    for definition in definitions.values():
        _require_all(definition)
    document = definitions.pop(root["$ref"].removeprefix("#/$defs/"))
    schema = {
        "$schema": DIALECT,
        "$id": SCHEMA_ID.format(name=name),
        **document,
        **({"allOf": list(rules)} if rules else {}),
        "$defs": definitions,
    }
    _end_patterns(schema)
    return schema


def _require_all(definition: Schema) -> None:
    """A default of the type is no reason to omit a field."""
    properties: Schema = definition.get("properties", {})
    with_default = [name for name, value in properties.items() if "default" in value]
    for name in with_default:
        del properties[name]["default"]
    if properties:
        required = {*definition.get("required", ()), *with_default}
        definition["required"] = [name for name in properties if name in required]


def _end_patterns(part: Any) -> None:
    """In Python, `$` also matches before a line end that ends the text. The schema must mean the same everywhere."""
    if isinstance(part, list):
        for each in part:
            _end_patterns(each)
    elif isinstance(part, dict):
        if isinstance(pattern := part.get("pattern"), str) and pattern.endswith("$"):
            part["pattern"] = rf"{pattern}(?!\n)"
        for each in part.values():
            _end_patterns(each)


def _null_last(part: Any) -> Any:
    """The same schema, alternatives in an order that does not depend on the version of msgspec."""
    if isinstance(part, list):
        return [_null_last(each) for each in part]
    if not isinstance(part, dict):
        return part
    ordered = {key: _null_last(value) for key, value in part.items()}
    if "anyOf" in ordered:
        ordered["anyOf"].sort(key=lambda each: (each.get("type") == "null", json.dumps(each)))
    return ordered


def _branches(union: Schema) -> Schema:
    """A union of tagged types as conditions on the tag: an error then names a field, not the union."""
    if "$ref" in union:
        return union
    tag, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
    return {
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": list(mapping)}},
        "allOf": [
            {"if": {"properties": {tag: {"const": value}}}, "then": {"$ref": reference}}
            for value, reference in mapping.items()
        ],
    }
