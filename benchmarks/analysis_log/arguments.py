"""The command line of the log analyser."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from benchmarks.analysis_log.units import Unit, parse_unit
from benchmarks.harness.results.log import MODES

MODE_HELP = (
    "-1: rates, taken as they are; 0: s/step to samples/s; 1: steps/s; 2: s/step to steps/s; 3: steps/s to samples/s; "
    "4: s/epoch"
)
SCOPE_HELP = "what a record counts: one process (the default), or the whole batch"
EXCLUDE_HELP = "leave out lines that contain this text, for example 'Epoch(val)' or Test: ; may be repeated"
RECORD_UNIT_HELP = "unit of the records, for example ms or it/s, if the log does not state it, or not clearly"
MAX_DIGITS = 12


def argument_parser(description: str) -> argparse.ArgumentParser:
    """The arguments of older log parsers, and those of this one."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.analysis_log",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--filename", type=Path, required=True, help="the train log")
    add("--keyword", type=_keyword, required=True, help="token that the record follows, for example ips:")
    add("--separator", type=_separator, help="between the tokens of a line; None, the default, means blanks")
    add(
        "--position",
        type=int,
        help="number of the token that is the record, from 0; default: the one after the keyword",
    )
    add(
        "--range",
        type=_range,
        default=slice(None),
        help="part of the token: N means its first N characters, A:B a slice",
    )
    add("--base_batch_size", type=_positive, help="samples per step and process; with --rate_scope global, per step")
    add("--skip_steps", type=_count, default=0, help="first records to leave out")
    add("--model_mode", type=int, choices=MODES, default=-1, help=MODE_HELP)
    add("--ips_unit", type=_unit, help="the result's unit with --model_mode -1; default samples/sec")
    add("--model_name", type=_word, default="unknown")
    add("--mission_name", type=_text, default="unknown")
    add("--direction_id", type=int, choices=(0, 1, 2), default=0, help="0 CV, 1 NLP, 2 Rec")
    add("--run_mode", choices=("sp", "mp"), default="sp")
    add("--index", type=int, choices=(1, 2, 3, 6), default=1, help="1 speed, 2 memory, 3 profile, 6 largest batch")
    add("--gpu_num", type=_count, default=1, help="GPUs of the run; 0 on the CPU")
    add("--rate_scope", choices=("process", "global"), default="process", help=SCOPE_HELP)
    add("--exclude", type=_text, action="append", default=[], metavar="TEXT", help=EXCLUDE_HELP)
    add("--record_unit", type=_record_unit, metavar="UNIT", help=RECORD_UNIT_HELP)
    add("--output", type=Path, metavar="FILE", help="write the JSON to this file as well")
    return parser


def _text(argument: str) -> str:
    return _matching(r".+", argument, "must not be empty")


def _keyword(argument: str) -> str:
    return _matching(r"[^\r\n]{1,1000}", argument, "must be of one line of at most 1000 characters")


def _word(argument: str) -> str:
    return _matching(r"\S+", argument, "must be one word")


def _unit(argument: str) -> str:
    unit = parse_unit(_matching(r"\S+/\S+", argument, "must be of the form samples/sec"))
    if isinstance(unit, Unit) and (unit.kind, unit.factor) != ("rate", 1.0):
        raise argparse.ArgumentTypeError(f"{argument!r}: the result is per second, it is not converted to this unit")
    return argument


def _record_unit(argument: str) -> Unit:
    unit = parse_unit(argument)
    if not isinstance(unit, Unit):
        raise argparse.ArgumentTypeError(f"{argument!r} is no known unit; known are for example ms, s, it/s, s/it")
    return unit


def _matching(pattern: str, argument: str, demand: str) -> str:
    if not re.fullmatch(pattern, argument):
        raise argparse.ArgumentTypeError(f"{argument!r} {demand}")
    return argument


def _separator(argument: str) -> str | None:
    return None if argument in ("", "None") else argument


def _range(argument: str) -> slice:
    _matching(r"(?:(?:-?\d+)?:)?(?:-?\d+)?", argument, "is neither N nor A:B")
    start, _, stop = argument.rpartition(":")
    return slice(int(start) if start else None, int(stop) if stop else None)


def _count(argument: str) -> int:
    return _at_most_largest(_matching(r"[0-9]+", argument, "must be a whole number, 0 or more"))


def _positive(argument: str) -> int:
    return _at_most_largest(_matching(r"0*[1-9][0-9]*", argument, "must be a whole number, 1 or more"))


def _at_most_largest(digits: str) -> int:
    if len(digits.lstrip("0")) > MAX_DIGITS:
        raise argparse.ArgumentTypeError(f"a number of {len(digits)} digits is too large")
    return int(digits)
