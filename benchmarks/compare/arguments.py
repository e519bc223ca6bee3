"""The command line of a comparison: options, their grammar, and what they must not be together."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.cases import CaseError, parse_case
from benchmarks.compare.files import MAX_NAME_CHARACTERS, NAME
from benchmarks.compare.question import max_repeats
from benchmarks.compare.runs.stored import STORED_DRIFT
from benchmarks.harness.controller.option_values import MAX_PAIRS, minutes, percentage, slowdown, whole_number
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.harness.results.redaction import redact

MAX_PAIRS_OF_ALL = 1500
"""Of all cases, repeated ones included. The document stays below what is read again (`results/reading.py`)."""

MAX_REPLAYS = 100_000
MAX_MESSAGE = 900
STDOUT = "-"

DESCRIPTION = """\
Did a change make training slower, by how much, and how sure is that? Runs both sides in fresh processes, in pairs
and in random order, until the question is answered, or --max-pairs or --budget ends it."""

EPILOG = """\
a SIDE is one of these; several of one side are combined by repeating --base or --head
  .                      the working tree as it is (the default of --head)
  tree:FOLDER            another checkout
  rev:GIT                a revision: rev:main, rev:HEAD~1, rev:v1.2
  env:PYTHON             another interpreter, with its own torch
  case:NAME              another case, for example the compiled one
  options:"OPTIONS"      pytest options of this side: options:"--ocr-image-cache decoded"
  environ:NAME=VALUE     an environment variable
  stored:FILE[#base|head]  figures of an earlier comparison or artifact on this machine; stands alone

examples
  python -m benchmarks.compare --base rev:main --head . --case psenet_sp_bs2_fp32_cpu1
  python -m benchmarks.compare --base . --head env:/venvs/torch-next/bin/python --case psenet_sp_bs8_bf16_1 --budget 20
  python -m benchmarks.compare --base case:psenet_sp_bs8_bf16_1 --head case:psenet_sp_bs8_bf16_compile_1
  python -m benchmarks.compare --base rev:main --head . --case psenet_sp_bs2_fp32_cpu1 -- --ocr-steps 20

exit code: 0 no slower than allowed, faster, or (without --strict) cannot tell; 1 slower, failed, or cannot tell with
--strict; 2 wrong use; 130 interrupted: the same command with --resume continues. See docs/comparing.md."""


OF_OPTIONS = ("argument", "unrecognized", "the following")
"""Beginnings of errors of options; others are of the sides that they name."""


class Parser(argparse.ArgumentParser):
    """An error is one line, without private data and control characters."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2. Without the usage, which would be a second message."""
        if message.startswith("unrecognized arguments") and " --ocr-" in message:
            message += ": options of pytest go after --"
        line = shorten(printable(redact(message)), MAX_MESSAGE)
        hint = "; --help lists the options" if message.startswith(OF_OPTIONS) else ""
        self.exit(2, f"{self.prog}: error: {line}{hint}\n")


def parser() -> Parser:
    """The options, in the groups of the help."""
    made = Parser(
        prog="python -m benchmarks.compare",
        usage="%(prog)s --base SIDE [--head SIDE] --case NAME [NAME ...] [options] [-- PYTEST-OPTIONS]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_sides(made.add_argument_group("what is compared"))
    _add_procedure(made.add_argument_group("how"))
    _add_results(made.add_argument_group("what it leaves"))
    _add_self_test(made.add_argument_group("is the procedure true?"))
    return made


def _add_sides(what: argparse._ArgumentGroup) -> None:
    what.add_argument("--base", metavar="SIDE", action="append", default=[], help="what to compare with")
    what.add_argument("--head", metavar="SIDE", action="append", default=[], help="what is judged (default: .)")
    what.add_argument("--case", metavar="NAME", nargs="+", action="extend", type=_case, default=[], help="cases")


def _add_procedure(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--max-slowdown",
        metavar="PERCENT",
        type=_or_refused(slowdown),
        default=0.03,
        help="what is allowed (default: 3%%)",
    )
    how.add_argument(
        "--max-pairs",
        metavar="N",
        type=_or_refused(whole_number(2, MAX_PAIRS)),
        default=12,
        help="per case, at most (default: 12)",
    )
    how.add_argument(
        "--budget",
        metavar="MINUTES",
        type=_or_refused(minutes),
        help="for all runs together; the first pairs may exceed it",
    )
    how.add_argument("--full", action="store_true", help="probes in every pair, not only in the first (--ocr-light)")
    how.add_argument(
        "--seed",
        metavar="N",
        type=_or_refused(whole_number(0, 2**32 - 1)),
        help="of the order (default: drawn, and recorded), and of --self-test (default: 0)",
    )
    how.add_argument(
        "--stored-drift",
        metavar="PERCENT",
        type=_or_refused(_drift),
        default=STORED_DRIFT,
        help="change of the machine that is allowed for between a stored side and now (default: 5%%)",
    )


def _add_results(left: argparse._ArgumentGroup) -> None:
    left.add_argument("--name", type=_name, help="of document and runs (default: from cases and sides)")
    left.add_argument("--output", metavar="FOLDER", type=_folder, default=Path("logs"), help="default: logs")
    left.add_argument(
        "--markdown",
        metavar="FILE",
        nargs="?",
        const=STDOUT,
        help="the result as GitHub Markdown: to FILE, appended if it is $GITHUB_STEP_SUMMARY; without FILE or with - "
        "to standard output, and everything else to standard error",
    )
    left.add_argument("--resume", action="store_true", help="continue an interrupted comparison: the same command")
    left.add_argument("--strict", action="store_true", help="exit code 1 also if the pairs cannot tell")


def _add_self_test(truth: argparse._ArgumentGroup) -> None:
    truth.add_argument("--self-test", action="store_true", help="replay runs: false alarms and power; measures nothing")
    truth.add_argument(
        "--replays", metavar="N", type=_or_refused(whole_number(1, MAX_REPLAYS)), help="per line (default: 1000)"
    )


def parse(arguments: Sequence[str], of: Parser) -> argparse.Namespace:
    """The options, checked one by one and together; `common_options` are those after `--`."""
    own, common = _split(arguments)
    given = of.parse_args(own)
    given.common_options = common
    if given.self_test:
        _check_self_test(own, of)
        given.replays = given.replays or 1000
        return given
    if given.replays is not None:
        of.error("argument --replays: belongs to --self-test")
    if not given.base:
        of.error("argument --base: missing; for example --base rev:main")
    given.head = given.head or ["."]
    repeated = next((name for name in given.case if given.case.count(name) > 1), None)
    if repeated is not None:
        of.error(f"argument --case: {repeated} is given more than once")
    if len(given.case) * (given.max_pairs + max_repeats(given.max_pairs)) > MAX_PAIRS_OF_ALL:
        of.error(
            f"argument --max-pairs: more than {MAX_PAIRS_OF_ALL} pairs of all cases together, repeated ones included; "
            "compare fewer cases"
        )
    return given


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is before and after the first `--`."""
    words = list(arguments)
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _check_self_test(own: list[str], of: Parser) -> None:
    allowed = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    allowed.add_argument("--self-test", action="store_true")
    allowed.add_argument("--replays")
    allowed.add_argument("--seed")
    _, others = allowed.parse_known_args(own)
    if others:
        of.error(f"argument --self-test: takes --replays and --seed, and not {others[0]}")


def _case(text: str) -> str:
    try:
        return str(parse_case(text))
    except CaseError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _drift(text: str) -> float:
    return percentage(text, "a percentage from 0% to below 100%, for example 5%")


def _or_refused(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The parser of an option (`option_values`) for argparse."""

    def parse_or_refuse(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{shorten(text, 40)!r} is not {error}") from None

    return parse_or_refuse


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("'' is not a folder; the current one is .")
    return Path(text)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{shorten(text, 40)!r} is not a name: letters, digits and . _ + - of ASCII, a letter or digit first, "
            f"at most {MAX_NAME_CHARACTERS} characters"
        )
    if redact(text) != text:
        raise argparse.ArgumentTypeError(
            f"{shorten(text, 40)!r} contains private data, which would not be written to the document, so that it "
            "could not name its files: choose another name"
        )
    return text
