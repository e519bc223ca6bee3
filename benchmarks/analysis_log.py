"""Any framework's train log -> the speed JSON, called as the log parsers of older benchmark scripts are called.

    python -m benchmarks.analysis_log --filename train.log --keyword ips: --skip_steps 10 --model_mode -1 \\
        --ips_unit images/s --model_name resnet50_bs32_fp32 --mission_name classification --gpu_num 8 --run_mode mp

A record is the token after the keyword (or the one at --position of a line with the keyword), cut to --range. It is a
number; brackets, quotes, commas and semicolons may follow it, or a unit of what the mode expects (`11.5it/s` is a rate,
`0.7s/it` and `0.7 s` are times; neither passes for the other, nor `693ms` for seconds). Of a last line that was cut
off, the record counts if something follows it there, or if it has the form of every other record: as many decimals, or,
where none has decimals, as many digits.

The result is samples over time: the harmonic mean of rates, the arithmetic mean of times. The arithmetic mean of rates,
which older parsers print and which is too high, goes to details. The JSON goes to standard output, all else to standard
error. Exit code 0: a result; 1: none, JOB_FAIL_FLAG is 1 and details.failure has the cause; 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import artifact
from benchmarks.harness.log_reader import Log, Picker, Record, read_log
from benchmarks.harness.records import Failure
from benchmarks.harness.redaction import redact

STATISTICS = ("arithmetic_mean", "record_mean", "record_min", "record_max")


@dataclass(frozen=True)
class Mode:
    """What a record is, and what the result.

    Attributes:
        record: "rate", or "time" in seconds.
        unit: of the result.
        needs_batch_size: whether the result counts samples where the records count steps.
    """

    record: str
    unit: str
    needs_batch_size: bool = False


MODES = {
    -1: Mode("rate", "samples/sec"),
    0: Mode("time", "samples/sec", needs_batch_size=True),
    1: Mode("rate", "steps/s"),
    2: Mode("time", "steps/s"),
    3: Mode("rate", "samples/sec", needs_batch_size=True),
    4: Mode("time", "s/epoch"),
}

MODE_HELP = (
    "-1: rates, taken as they are; 0: s/step to samples/s; 1: steps/s; 2: s/step to steps/s; 3: steps/s to samples/s; "
    "4: s/epoch"
)
SCOPE_HELP = "what a record counts: one process of gpu_num, as is the default, or the whole batch"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    mode = MODES[options.model_mode]
    log, failure = Log(), None
    try:
        picker = Picker(options.keyword, options.separator, options.position, options.range, mode.record == "rate")
        log = read_log(options.filename, picker)
    except OSError as error:
        failure = Failure("log", f"the log cannot be read: {error.strerror}")
    document = analyse(options, log, _failed_job(os.environ) or failure)
    for remark in _remarks(log, document):
        print(remark, file=sys.stderr)
    print(json.dumps(document, allow_nan=False))
    if options.output is not None:
        try:
            artifact.write(options.output, document)
        except (OSError, artifact.ArtifactError) as error:
            print(f"--output {options.output} cannot be written: {error}", file=sys.stderr)
            return 1
    return int(document["JOB_FAIL_FLAG"])


def analyse(options: argparse.Namespace, log: Log, failure: Failure | None) -> dict[str, Any]:
    """The speed JSON of a log's records; `failure` is what is already known to be wrong."""
    mode = MODES[options.model_mode]
    used = log.records[options.skip_steps :]
    failure = failure or _shortcoming(options, log, used)
    result, statistics = (0.0, {}) if failure else _summarise(options, [record.value for record in used])
    if failure is None and not (round(result, 3) > 0 and all(map(math.isfinite, statistics.values()))):
        failure = Failure("no_result", f"{result:g} {mode.unit} cannot be told with three decimals")
    return artifact.speed_json(
        log_file=_log_file(options.filename),
        model_name=options.model_name,
        mission_name=options.mission_name,
        direction_id=options.direction_id,
        run_mode=options.run_mode,
        index=options.index,
        gpu_num=options.gpu_num,
        final_result=result,
        unit=options.ips_unit if options.ips_unit and options.model_mode == -1 else mode.unit,
        details={
            "source": "log",
            "keyword": options.keyword,
            "model_mode": options.model_mode,
            "rate_scope": options.rate_scope,
            "processes_counted": _processes(options),
            "base_batch_size": options.base_batch_size,
            "skip_steps": options.skip_steps,
            "records_found": len(log.records),
            "records_used": len(used),
            "lines_without_number": len(log.without_number),
            "last_line_dropped": log.interrupted,
            **(dict.fromkeys(STATISTICS) if failure else statistics),
        },
        failure=failure,
    )


def convert(mean: float, mode: int, batch_size: int, processes: int) -> float:
    """The result, in the mode's unit, that follows from a mean of the records."""
    return {
        -1: processes * mean,
        0: batch_size * processes / mean,
        1: mean,
        2: 1 / mean,
        3: batch_size * processes * mean,
        4: mean,
    }[mode]


def _summarise(options: argparse.Namespace, values: Sequence[float]) -> tuple[float, dict[str, float]]:
    """The result and the values of `STATISTICS`."""
    mean = sum(values) / len(values)
    harmonic_mean = len(values) / sum(1 / value for value in values)
    scale = (options.model_mode, options.base_batch_size or 0, _processes(options))
    result = convert(harmonic_mean if MODES[options.model_mode].record == "rate" else mean, *scale)
    return result, dict(zip(STATISTICS, (convert(mean, *scale), mean, min(values), max(values)), strict=True))


def _processes(options: argparse.Namespace) -> int:
    """By how many processes a rate is multiplied; a run on the CPU counts as one."""
    return 1 if options.rate_scope == "global" else max(1, options.gpu_num)


def _failed_job(environment: Mapping[str, str]) -> Failure | None:
    flag = environment.get("job_fail_flag", "").strip()
    return None if flag in ("", "0") else Failure("job_failed", f"the environment says so: job_fail_flag={flag!r}")


def _shortcoming(options: argparse.Namespace, log: Log, used: Sequence[Record]) -> Failure | None:
    mode, keyword = MODES[options.model_mode], options.keyword
    if mode.needs_batch_size and options.base_batch_size is None:
        return Failure("no_batch_size", f"--model_mode {options.model_mode} needs --base_batch_size")
    if not log.records and log.without_number:
        line = log.without_number[0]
        return Failure("no_record", f"no record: line {line} has the keyword {keyword!r}, but no {mode.record} with it")
    if not log.records:
        return Failure("no_record", f"no record: no whole line has the keyword {keyword!r}")
    if not used:
        return Failure("too_few_records", f"{len(log.records)} records, and --skip_steps is {options.skip_steps}")
    for record in used:
        if not 0 < record.value < math.inf:
            return Failure("bad_record", f"line {record.line}: {record.number} is no {mode.record}")
    return None


def _remarks(log: Log, document: dict[str, Any]) -> list[str]:
    details = document["details"]
    found, used = details["records_found"], details["records_used"]
    remarks = [f"{document['log_file']}: {found} records, {used} after --skip_steps"]
    if log.without_number:
        count, first = len(log.without_number), log.without_number[0]
        remarks.append(f"{count} lines have the keyword but no number, first line {first}: see --position, --range")
    if log.interrupted:
        remarks.append("the last line was cut off in its record, which is left out")
    if "failure" in details:
        remarks.append(f"JOB_FAIL_FLAG 1, {details['failure']['kind']}: {details['failure']['message']}")
    return remarks


def _log_file(path: Path) -> str:
    """The log's path, relative to the current folder where it lies below it."""
    here = Path.cwd()
    return redact(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.analysis_log",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--filename", type=Path, required=True, help="the train log")
    add("--keyword", type=_text, required=True, help="token that the record follows, for example ips:")
    add("--separator", type=_separator, help="of a line's tokens; None, the default, means blanks")
    add("--position", type=int, help="of the record's token in its line, from 0; default: after the keyword")
    add("--range", type=_range, default=slice(None), help="part of the token: N is its first N characters, A:B a slice")
    add("--base_batch_size", type=_positive, help="samples a step and process; with --rate_scope global, a step")
    add("--skip_steps", type=_count, default=0, help="first records to leave out")
    add("--model_mode", type=int, choices=MODES, default=-1, help=MODE_HELP)
    add("--ips_unit", type=_unit, help="the result's unit with --model_mode -1; default samples/sec")
    add("--model_name", type=_word, default="unknown")
    add("--mission_name", type=_text, default="unknown")
    add("--direction_id", type=int, choices=(0, 1, 2), default=0, help="0 CV, 1 NLP, 2 Rec")
    add("--run_mode", choices=("sp", "mp"), default="sp")
    add("--index", type=int, choices=(1, 2, 3, 6), default=1, help="1 speed, 2 memory, 3 profiler, 6 largest batch")
    add("--gpu_num", type=_count, default=1, help="GPUs of the run; 0 on the CPU")
    add("--rate_scope", choices=("process", "global"), default="process", help=SCOPE_HELP)
    add("--output", type=Path, metavar="FILE", help="write the JSON to this file as well")
    return parser


def _text(argument: str) -> str:
    return _matching(r".+", argument, "must not be empty")


def _word(argument: str) -> str:
    return _matching(r"\S+", argument, "must be one word")


def _unit(argument: str) -> str:
    return _matching(r"\S+/\S+", argument, "must be of the form samples/sec")


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
    return int(_matching(r"\d+", argument, "must be a whole number, 0 or more"))


def _positive(argument: str) -> int:
    return int(_matching(r"0*[1-9]\d*", argument, "must be a whole number, 1 or more"))


if __name__ == "__main__":
    sys.exit(main())
