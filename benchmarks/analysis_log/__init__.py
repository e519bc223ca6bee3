r"""Turns the train log of any framework into a speed JSON, with the arguments of older log parsers.

    python -m benchmarks.analysis_log --filename train.log --keyword ips: --skip_steps 10 --model_mode -1 \
        --ips_unit images/s --model_name resnet50_bs32_fp32 --mission_name classification --gpu_num 8 --run_mode mp

A record is the token after the keyword (or the token at --position of a line with the keyword), cut to --range. It is a
number, which may be followed by brackets, quotes, commas, semicolons, or a unit that fits the mode: `11.5it/s` is a
rate, `0.7s/it` and `0.7 s` are times. A rate is not accepted as a time, nor `693ms` as seconds. The last line may be
interrupted: its record counts if something follows it, or if it has the same number of decimals (without decimals, of
digits) as every other record.

The result is samples over time: the harmonic mean of rates, the arithmetic mean of times. The arithmetic mean of rates,
which older parsers print and which is too high, goes to details. The JSON goes to standard output, everything else to
standard error. Exit code 0: a result; 1: no result, JOB_FAIL_FLAG is 1 and details.failure has the cause; 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.analysis_log.arguments import argument_parser
from benchmarks.analysis_log.modes import MODES, convert
from benchmarks.analysis_log.reader import Log, Picker, Record, read_log
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import LogDetails, SpeedArtifact
from benchmarks.harness.results.common import (
    HeaderFields,
    describe_failure,
    failure_of,
    identity_fields,
    new_run_id,
    optional,
    with_verdict,
)
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.redaction import redact

STATISTICS = ("arithmetic_mean", "record_mean", "record_min", "record_max")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = argument_parser(__doc__ or "").parse_args(arguments)
    mode = MODES[options.model_mode]
    log, failure = Log(), None
    try:
        picker = Picker(options.keyword, options.separator, options.position, options.range, mode.record == "rate")
        log = read_log(options.filename, picker)
    except OSError as error:
        failure = Failure("log", f"the log cannot be read: {error.strerror}")
    artifact = analyse(options, log, _failed_job(os.environ) or failure)
    for remark in _remarks(log, artifact):
        print(remark, file=sys.stderr)
    print(json.dumps(store.to_document(artifact), allow_nan=False))
    if options.output is not None:
        try:
            store.write(options.output, artifact, SPEED)
        except (OSError, store.ArtifactError) as error:
            print(f"--output {options.output} cannot be written: {error}", file=sys.stderr)
            return 1
    return artifact.JOB_FAIL_FLAG


def analyse(options: argparse.Namespace, log: Log, failure: Failure | None) -> SpeedArtifact:
    """The speed JSON of a log's records. `failure` is what is already known to be wrong."""
    mode = MODES[options.model_mode]
    used = log.records[options.skip_steps :]
    failure = failure or _shortcoming(options, log, used)
    result, statistics = (0.0, []) if failure else _summarise(options, [record.value for record in used])
    if failure is None and not (round(result, 3) > 0 and all(map(math.isfinite, statistics))):
        failure = Failure("no_result", f"{result:g} {mode.unit} cannot be expressed with three decimals")
    header = HeaderFields(
        log_file=_log_file(options.filename),
        model_name=options.model_name,
        mission_name=options.mission_name,
        direction_id=options.direction_id,
        run_mode=options.run_mode,
        index=options.index,
        gpu_num=options.gpu_num,
        FINAL_RESULT=0,
        JOB_FAIL_FLAG=1,
        UNIT=options.ips_unit if options.ips_unit and options.model_mode == -1 else mode.unit,
    )
    now = time.time()
    details = LogDetails(
        **identity_fields(new_run_id(), now, now),
        keyword=options.keyword,
        model_mode=options.model_mode,
        rate_scope=options.rate_scope,
        processes_counted=_processes(options),
        base_batch_size=options.base_batch_size,
        skip_steps=options.skip_steps,
        records_found=len(log.records),
        records_used=len(used),
        lines_without_number=len(log.without_number),
        last_line_dropped=log.interrupted,
        **dict(zip(STATISTICS, statistics if failure is None else [None] * len(STATISTICS), strict=True)),
        failure=optional(failure),
    )
    return SpeedArtifact(**with_verdict(header, result, failure), details=details)


def _summarise(options: argparse.Namespace, values: Sequence[float]) -> tuple[float, list[float]]:
    """The result, and the values of `STATISTICS`."""
    mean = sum(values) / len(values)
    harmonic_mean = len(values) / sum(1 / value for value in values)
    scale = (options.model_mode, options.base_batch_size or 0, _processes(options))
    result = convert(harmonic_mean if MODES[options.model_mode].record == "rate" else mean, *scale)
    return result, [convert(mean, *scale), mean, min(values), max(values)]


def _processes(options: argparse.Namespace) -> int:
    """Factor of a rate: the number of processes; 1 for a run on the CPU."""
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
        return Failure("no_record", f"no record: line {line} has the keyword {keyword!r}, but no {mode.record}")
    if not log.records:
        return Failure("no_record", f"no record: no whole line has the keyword {keyword!r}")
    if not used:
        return Failure("too_few_records", f"{len(log.records)} records, and --skip_steps is {options.skip_steps}")
    for record in used:
        if not 0 < record.value < math.inf:
            return Failure("bad_record", f"line {record.line}: {record.number} is no {mode.record}")
    return None


def _remarks(log: Log, artifact: SpeedArtifact) -> list[str]:
    details = artifact.details
    assert isinstance(details, LogDetails)
    remarks = [f"{artifact.log_file}: {details.records_found} records, {details.records_used} after --skip_steps"]
    if log.without_number:
        count, first = len(log.without_number), log.without_number[0]
        remarks.append(f"{count} lines have the keyword but no number, first line {first}: see --position, --range")
    if log.interrupted:
        remarks.append("the last line was interrupted in its record, which is left out")
    if (failure := failure_of(artifact)) is not None:
        remarks.append(f"JOB_FAIL_FLAG 1, {describe_failure(failure)}")
    return remarks


def _log_file(path: Path) -> str:
    """Path of the log, relative if it is below the current folder."""
    here = Path.cwd()
    return redact(str(path.relative_to(here) if path.is_relative_to(here) else path))
