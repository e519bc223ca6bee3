"""Generates schemas/*.schema.json, docs/artifact.md and docs/comparison-document.md from the types of the documents:
`python -m benchmarks.schemas`.

With --check it writes nothing; exit code 1 if a file differs from what would be generated.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare.schema import COMPARISON, comparison_page, comparison_schema
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.report.artifact_page import artifact_page
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.schema import schema_of
from ocr_models.files import write_text_atomically


def generated() -> dict[Path, str]:
    """Path -> content of every generated file."""
    forms = [measurement.form for measurement in MEASUREMENTS.values()]
    schemas = {form.name: schema_of(form) for form in forms} | {COMPARISON: comparison_schema()}
    files = {
        ROOT / "schemas" / f"{name}.schema.json": json.dumps(schema, indent=2) + "\n"
        for name, schema in schemas.items()
    }
    docs = ROOT / "docs"
    return files | {docs / "artifact.md": artifact_page(forms), docs / "comparison-document.md": comparison_page()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.schemas", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file is out of date")
    check = parser.parse_args(arguments).check
    outdated = {path: text for path, text in generated().items() if not _holds(path, text)}
    for path, text in outdated.items():
        shown = path.relative_to(ROOT)
        if check:
            print(f"{shown} is out of date; run `python -m benchmarks.schemas`")
        else:
            write_text_atomically(path, text)
            print(f"wrote {shown}")
    return int(check and bool(outdated))


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
