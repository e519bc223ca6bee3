"""What a comparison is asked: two sides, their cases, the procedure. From the command line, before anything runs."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cases import Case, parse_case
from benchmarks.compare.document import ProcedureParameters
from benchmarks.compare.errors import SideError
from benchmarks.compare.judging.statistics import looks
from benchmarks.compare.sides.side import Side, parse_side
from benchmarks.compare.sides.side_options import check_options, option_value, with_full_paths
from benchmarks.harness.controller.gpus import missing_gpus
from benchmarks.harness.controller.planning import DEFAULT_STEPS, DEFAULT_WARMUP_STEPS
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.redaction import redact

ALPHA = 0.05
MAX_ATTEMPTS = 3
MAX_SEED = 2**31
AFTER_DASHES = "options after --"


class QuestionError(Exception):
    """Sides, cases or options that cannot be compared: one line, which begins with the option."""


@dataclass(frozen=True)
class Question:
    """What is compared, and how.

    Attributes:
        cases: of base and head; they differ only with `case:NAME`.
        options: pytest options of both sides, seed and steps included.
        parameters: the same options without private data, and all else of the procedure.
    """

    base: Side
    head: Side
    cases: list[tuple[Case, Case]]
    options: tuple[str, ...]
    parameters: ProcedureParameters

    @property
    def names(self) -> list[tuple[str, str]]:
        return [(str(base), str(head)) for base, head in self.cases]

    @property
    def device(self) -> str:
        return self.cases[0][0].device


def question(given: argparse.Namespace, seed: int | None = None) -> Question:
    """The question of a command line. `seed` is that of the comparison to resume.

    Raises:
        QuestionError: if it cannot be asked.
    """
    base, head = _side("--base", given.base), _side("--head", given.head)
    if base.stored is not None and head.stored is not None:
        raise QuestionError("argument --head: both sides are stored: there is nothing to measure")
    cases = _cases(base, head, given.case)
    device = cases[0][0].device
    options = _options(given.common_options, device)
    _check_gpus(cases)
    if given.seed is not None:
        seed = given.seed
    parameters = ProcedureParameters(
        allowed_slowdown=given.max_slowdown,
        alpha=ALPHA,
        looks=list(looks(given.max_pairs)),
        max_pairs=given.max_pairs,
        budget_minutes=given.budget,
        max_attempts=MAX_ATTEMPTS,
        max_repeats=max_repeats(given.max_pairs),
        seed=secrets.randbelow(MAX_SEED) if seed is None else seed,
        stored_drift=given.stored_drift,
        full=given.full,
        common_options=[printable_line(redact(word)) or "(empty)" for word in options],
    )
    return Question(base, head, cases, options, parameters)


def max_repeats(pairs: int) -> int:
    """How many disturbed pairs of a case are repeated, at most."""
    return pairs // 2


def _side(option: str, texts: Sequence[str]) -> Side:
    try:
        return parse_side(texts)
    except SideError as error:
        raise QuestionError(f"argument {option}: {error}") from None


def _cases(base: Side, head: Side, names: Sequence[str]) -> list[tuple[Case, Case]]:
    fixed = [f"--{name} case:{side.case}" for name, side in (("base", base), ("head", head)) if side.case is not None]
    if len(fixed) == 2 and names:
        raise QuestionError(f"argument --case: {' and '.join(fixed)} name the cases already: leave it out")
    if len(fixed) == 1 and len(names) != 1:
        raise QuestionError(f"argument --case: {fixed[0]} names the case of one side: name one, that of the other side")
    if not fixed and not names:
        raise QuestionError("argument --case: missing; for example --case psenet_sp_bs2_fp32_cpu1")
    if len(names) > 1 and (base.stored is not None or head.stored is not None):
        raise QuestionError("argument --case: a stored side is compared in one case at a time")
    cases = [(parse_case(base.case_for(name)), parse_case(head.case_for(name))) for name in names or [""]]
    devices = {case.device for pair in cases for case in pair}
    if len(devices) > 1:
        shown = ", ".join(dict.fromkeys(str(case) for pair in cases for case in pair))
        raise QuestionError(f"argument --case: {shown} do not run on the same device: compare them separately")
    return cases


def _options(given: Sequence[str], device: str) -> tuple[str, ...]:
    """Both sides get seed and steps explicitly: the defaults of their suites may differ."""
    try:
        check_options(given, AFTER_DASHES)
        given = with_full_paths(given, AFTER_DASHES)
    except SideError as error:
        raise QuestionError(str(error)) from None
    defaults = {
        "--ocr-seed": 0,
        "--ocr-steps": DEFAULT_STEPS[device],
        "--ocr-warmup": DEFAULT_WARMUP_STEPS[device],
    }
    missing = [(name, value) for name, value in defaults.items() if option_value(given, name) is None]
    return (*given, *(word for name, value in missing for word in (name, str(value))))


def _check_gpus(cases: Sequence[tuple[Case, Case]]) -> None:
    for case in (case for pair in cases for case in pair):
        if (missing := missing_gpus(case)) is not None:
            raise QuestionError(f"argument --case: {case}: {missing}")
