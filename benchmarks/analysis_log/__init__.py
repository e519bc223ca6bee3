r"""Turns the train log of any framework into a speed JSON, with the arguments of older log parsers.

    python -m benchmarks.analysis_log --filename train.log --keyword ips: --skip_steps 10 --model_mode -1 \
        --ips_unit images/s --model_name resnet50_bs32_fp32 --mission_name classification --gpu_num 8 --run_mode mp

A record is the token after the keyword (or the token at --position of a line with the keyword), cut to --range. Its
unit may be attached to the number, follow it, or stand in the keyword: `1.2kit/s`, `693 ms`, `time (ms): 693`. Units
are converted to seconds, or to rates per second. A number whose unit is not known, or does not fit --model_mode or the
records before it, ends the analysis: state its unit with --record_unit, or leave its line out with --exclude. The last
line may be interrupted: its record counts if something follows it, or if it has the same number of decimals (without
decimals, of digits) as every other record.

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

from msgspec import structs

from benchmarks.analysis_log.arguments import argument_parser
from benchmarks.analysis_log.conversion import Target, unit_of_rates
from benchmarks.analysis_log.picker import Picker
from benchmarks.analysis_log.reader import read_log
from benchmarks.analysis_log.tally import Tally
from benchmarks.analysis_log.text import LogError, file_error
from benchmarks.analysis_log.units import Unit, parse_unit
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import store
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
from benchmarks.harness.results.log import MODES, arithmetic_result, log_result
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.speed_artifact import LogDetails, SpeedArtifact

STATISTICS = ("arithmetic_mean", "harmonic_mean", "record_mean", "record_min", "record_max")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = argument_parser(__doc__ or "").parse_args(arguments)
    tally, failure = read(options)
    artifact = analyse(options, tally, _failed_job(os.environ) or failure)
    for remark in _remarks(tally, artifact):
        print(_one_line(remark), file=sys.stderr)
    print(json.dumps(store.to_document(artifact), allow_nan=False))
    if options.output is not None:
        try:
            store.write(options.output, artifact, SPEED)
        except (OSError, store.ArtifactError) as error:
            print(_one_line(f"--output {options.output} cannot be written: {error}"), file=sys.stderr)
            return 1
    return artifact.JOB_FAIL_FLAG


def read(options: argparse.Namespace) -> tuple[Tally, Failure | None]:
    """What was found in the log, and why it could not be read."""
    result = parse_unit(options.ips_unit) if options.ips_unit else None
    unit = result if isinstance(result, Unit) else None
    target = Target(options.model_mode, _processes(options), options.rate_scope == "global", unit)
    place = (options.keyword, options.separator, options.position, options.range)
    tally = Tally(target, options.skip_steps)
    try:
        read_log(options.filename, Picker(*place, target.of_rates, options.record_unit), options.exclude, tally)
    except LogError as error:
        return tally, Failure("log", f"the log cannot be read: {error}")
    except OSError as error:
        return tally, Failure("log", f"the log cannot be read: {file_error(error)}")
    return tally, None


def analyse(options: argparse.Namespace, tally: Tally, failure: Failure | None) -> SpeedArtifact:
    """The speed JSON of a log's records. `failure` is what is already known to be wrong."""
    mode = MODES[options.model_mode]
    failure = failure or _shortcoming(options, tally)
    details = _details(options, tally, failure)
    if failure is None:
        details = _with_statistics(details, tally)
        if not _expressible(details):
            message = f"{log_result(details):g} {mode.unit} cannot be expressed with three decimals"
            failure = Failure("no_result", message)
            details = structs.replace(details, **dict.fromkeys(STATISTICS), failure=failure)
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
        UNIT=_unit(options, None if failure else tally.counted),
    )
    return SpeedArtifact(**with_verdict(header, log_result(details), failure), details=details)


def _details(options: argparse.Namespace, tally: Tally, failure: Failure | None) -> LogDetails:
    """Without statistics of the records."""
    now = time.time()
    return LogDetails(
        **identity_fields(new_run_id(), now, now),
        keyword=options.keyword,
        model_mode=options.model_mode,
        rate_scope=options.rate_scope,
        processes_counted=_processes(options),
        base_batch_size=options.base_batch_size,
        exclude=options.exclude,
        skip_steps=options.skip_steps,
        records_found=tally.found,
        records_used=tally.used,
        lines_excluded=sum(tally.excluded.values()),
        lines_without_number=tally.without_number,
        last_line_dropped=tally.interrupted,
        record_units={name: factor for name, factor in tally.units.items() if name},
        **dict.fromkeys(STATISTICS),
        failure=optional(failure),
    )


def _with_statistics(details: LogDetails, tally: Tally) -> LogDetails:
    """With the statistics of records that are all positive and finite."""
    low, high = tally.minimum, tally.maximum
    details = structs.replace(
        details,
        harmonic_mean=min(max(tally.used / tally.inverse_total, low), high),
        record_mean=min(max(tally.total / tally.used, low), high),
        record_min=low,
        record_max=high,
    )
    return structs.replace(details, arithmetic_mean=arithmetic_result(details))


def _expressible(details: LogDetails) -> bool:
    values = (log_result(details), *(getattr(details, name) for name in STATISTICS))
    return round(values[0], 3) > 0 and all(map(math.isfinite, values))


def _unit(options: argparse.Namespace, counted: str | None) -> str:
    """UNIT: that of the mode; of rates that are taken as they are --ips_unit, or what the log says they count."""
    if options.model_mode != -1:
        return MODES[options.model_mode].unit
    return options.ips_unit or (unit_of_rates(counted) if counted else MODES[-1].unit)


def _processes(options: argparse.Namespace) -> int:
    """Factor of a rate: the number of processes; 1 for a run on the CPU."""
    return 1 if options.rate_scope == "global" else max(1, options.gpu_num)


def _failed_job(environment: Mapping[str, str]) -> Failure | None:
    flag = environment.get("job_fail_flag", "").strip()
    return None if flag in ("", "0") else Failure("job_failed", f"the environment says so: job_fail_flag={flag!r}")


def _shortcoming(options: argparse.Namespace, tally: Tally) -> Failure | None:
    mode, keyword = MODES[options.model_mode], options.keyword
    if mode.needs_batch_size and options.base_batch_size is None:
        return Failure("no_batch_size", f"--model_mode {options.model_mode} needs --base_batch_size")
    if (problem := tally.problem) is not None:
        kind, prefix = ("unit", "") if tally.found else ("no_record", "no record: ")
        return Failure(kind, redact(_one_line(f"{prefix}line {problem.line} {problem.reason}")))
    if not tally.found and tally.without_number:
        line = tally.first_without_number
        return Failure("no_record", f"no record: line {line} has the keyword {keyword!r}, but no {mode.record}")
    if not tally.found:
        return Failure("no_record", f"no record: no whole line has the keyword {keyword!r}")
    if not tally.used:
        return Failure("too_few_records", f"{tally.found} records, and --skip_steps is {options.skip_steps}")
    if (bad := tally.bad_record) is not None:
        return Failure("bad_record", f"line {bad.line}: {bad.reason}")
    return None


def _remarks(tally: Tally, artifact: SpeedArtifact) -> list[str]:
    remarks = [f"{artifact.log_file}: {tally.found} records, {tally.used} after --skip_steps"]
    for text, count in tally.excluded.items():
        remarks.append(f"{count} lines with the keyword are left out: --exclude {text!r}")
    if tally.without_number:
        count, first = tally.without_number, tally.first_without_number
        remarks.append(f"{count} lines have the keyword but no number, first line {first}: see --position, --range")
    if tally.interrupted:
        remarks.append("the last line was interrupted in its record, which is left out")
    if (failure := failure_of(artifact)) is not None:
        remarks.append(f"JOB_FAIL_FLAG 1, {describe_failure(failure)}")
    return remarks


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _log_file(path: Path) -> str:
    """Path of the log, relative if it is below the current folder."""
    here = Path.cwd()
    return redact(str(path.relative_to(here) if path.is_relative_to(here) else path))
