"""Pytest options for a side, or for both: those that a comparison itself sets are refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides.paths import full_path
from benchmarks.harness.results.redaction import redact
from ocr_models.data_kinds import OPTIONS

COMPARISON_OPTIONS = (
    "--ocr-compare",
    "--ocr-max-slowdown",
    "--ocr-max-pairs",
    "--ocr-budget",
    "--ocr-strict-compare",
)
"""Of the pytest that compares. The runs of a comparison must not get them: each would be a comparison again."""

FOLDERS = tuple(OPTIONS.values())
"""Options that name a folder of data."""
SAME_ON_BOTH_SIDES = ("--ocr-steps", "--ocr-warmup", "--ocr-seed", *FOLDERS)
LIGHT = "--ocr-light"
AS_COMMON_OPTIONS = " (after `--`, or as options of `pytest --ocr-compare`)"
"""Where the options of both sides are given, for messages."""

REPORTS = (
    *("--junitxml", "--junit-xml", "--benchmark-json", "--benchmark-save", "--report-log", "--html"),
    "--ocr-history",
)
"""Options that name a file. Each run would write it, perhaps into its tree."""

NEED_CACHE = (
    *("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first"),
    *("--sw", "--stepwise", "--sw-skip", "--stepwise-skip", "--sw-reset", "--stepwise-reset"),
)
"""Options that pytest does not know without its cache, which runs do not have."""

FLAGS = (LIGHT, "--ocr-strict-compare", *NEED_CACHE)
"""Options without a value."""

SET_BY_COMPARISON = ("--ocr-case", "--ocr-output", LIGHT, *COMPARISON_OPTIONS)
OTHER_TESTS = (
    *("-k", "-m", "-n", "-p", "-h", "-V", "-x", "-c", "-o"),
    *(
        "--numprocesses",
        "--dist",
        "--tx",
        "--collect-only",
        "--co",
        "--help",
        "--version",
        "--rootdir",
        "--pdb",
        "--maxfail",
        "--exitfirst",
        "--override-ini",
        "--config-file",
        "--confcutdir",
        "--noconftest",
    ),
    *NEED_CACHE,
    *("--fixtures", "--markers", "--setup-only", "--setup-plan", "--deselect", "--ignore", "--ignore-glob", "--pyargs"),
)
"""Options that select, start, stop or configure tests."""


def split_options(text: str, source: str = "options") -> tuple[str, ...]:
    """The options of one side, given by `options:"..."` for example, as a shell splits them.

    Raises:
        SideError: if the text cannot be split, or an option is refused.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise SideError(f"{source}:{redact(text)}: {error}; quote as in a shell") from None
    if not words:
        raise SideError(f'{source}: without any option; for example options:"--ocr-image-cache decoded"')
    check_options(words, source, refused=(*SET_BY_COMPARISON, *SAME_ON_BOTH_SIDES))
    return words


def check_options(words: Sequence[str], source: str, refused: Sequence[str] = SET_BY_COMPARISON) -> None:
    """Raises SideError for an option that the comparison sets, or that changes which tests run."""
    for number, word in enumerate(words):
        if word == "--" or (not word.startswith("-") and (number == 0 or word.endswith(".py") or "::" in word)):
            raise SideError(f"{source}: {redact(word)!r} is not an option; the case is given by case:NAME or --case")
        name = word.split("=")[0] if word.startswith("--") else word[:2]
        if name in SAME_ON_BOTH_SIDES and name in refused:
            raise SideError(f"{source}: {name} must be the same on both sides: give it to both{AS_COMMON_OPTIONS}")
        if name in refused:
            raise SideError(f"{source}: {name} is set by the comparison itself: leave it out{_instead(name)}")
        if name in REPORTS:
            raise SideError(f"{source}: {name} would be written by each run: leave it out")
        if name in OTHER_TESTS and word.startswith("-"):
            raise SideError(f"{source}: {name} changes which tests run or how; a run has one case: leave it out")


def unknown_option(words: Sequence[str], help_text: str) -> str | None:
    """The first long option among the words that a help text of pytest does not list: of --junit-xml and --junitxml,
    for example, it lists one.
    """
    known = {name.replace("-", "") for name in re.findall(r"(?<![\w-])--[\w-]+", help_text)}
    names = (word.split("=")[0] for word in words if word.startswith("--"))
    return next((name for name in names if name.replace("-", "") not in known), None)


def option_value(words: Sequence[str], name: str) -> str | None:
    """The last value that the words give to an option; None if they do not."""
    found = None
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            found = word.removeprefix(f"{name}=")
        elif word == name and index + 1 < len(words):
            found = words[index + 1]
    return found


def without_comparison_options(addopts: str) -> str:
    """PYTEST_ADDOPTS of the user for the runs of a comparison."""
    try:
        words = shlex.split(addopts)
    except ValueError:
        return addopts  # pytest will say what is wrong with it
    # a run measures the cases of all --ocr-case that it gets, and is light only if the comparison asks for it
    removed = ("--ocr-case", LIGHT, *COMPARISON_OPTIONS, *REPORTS, *NEED_CACHE)
    pattern = re.compile(rf"(?:{'|'.join(removed)})(?P<value>=.*)?")
    kept, skip_value = [], False
    for word in words:
        match = pattern.fullmatch(word)
        if match is not None:
            skip_value = match["value"] is None and word not in FLAGS
        elif skip_value:
            skip_value = False
        else:
            kept.append(word)
    return shlex.join(with_full_paths(kept, "PYTEST_ADDOPTS"))


def with_full_paths(words: Sequence[str], where: str) -> list[str]:
    """The same options in any folder: the runs of the sides have the roots of their trees as current folders.

    Raises:
        SideError: if a path begins with a home that does not exist; `where` says where the options were given.
    """
    made = list(words)
    for index, word in enumerate(made):
        name, equals, folder = word.partition("=")
        if name not in FOLDERS:
            continue
        if equals:
            made[index] = f"{name}={_full_path(folder, f'{where}: {name} ')}"
        elif index + 1 < len(made):
            made[index + 1] = _full_path(made[index + 1], f"{where}: {name} ")
    return made


def _full_path(text: str, where: str) -> str:
    return text if text in ("", "synthetic") else str(full_path(text, where))


def _instead(name: str) -> str:
    return ", or use case:NAME" if name == "--ocr-case" else ""
