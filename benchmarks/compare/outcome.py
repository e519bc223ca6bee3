"""Which verdicts fail a command or a test."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison


def is_bad(case: CaseComparison, *, strict: bool) -> bool:
    """Whether a verdict fails its case; with `strict` also one that cannot tell."""
    return case.verdict.word in ("slower", "failed") or (strict and case.verdict.word == "cannot tell")
