"""What a CI job asks after a run: is every artifact there, valid and without a failure?

    python -m benchmarks.gate logs/index
    python -m benchmarks.gate logs/index --expect psenet_sp_bs8_fp32_1 psenet_sp_bs16_fp32_1
    python -m benchmarks.gate logs/index --expect single_gpu

Exit code 0: all good; 1: an artifact is flagged, invalid or missing, or there is none at all; 2: wrong use.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NoReturn

from benchmarks.cases import MARKERS, MATRIX, CaseError, parse_case
from benchmarks.harness.report.process import exit_code
from benchmarks.harness.report.tables import table
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import Header, MeasuredDetails, PlanDetails
from benchmarks.harness.results.checks.case import case_contradictions, measured_contradictions
from benchmarks.harness.results.common import describe_failure, details_of, failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement, is_companion, measurement_of_file
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.harness.results.reading import bytes_to_read
from benchmarks.harness.results.scaling import scaling_mismatch
from benchmarks.harness.results.speed_artifact import LightDetails
from benchmarks.harness.results.validation import problems

HEADINGS = ("artifact", "result", "unit", "status", "what is wrong")
LIGHT = "light run: it has no reference check; measure without --ocr-light"
MAX_PROBLEMS = 3
MAX_CELL = 300
"""Characters of a name, a unit or a problem that are shown."""

MAX_FILES = 1000
MAX_TOTAL_BYTES = 64 * 2**20
"""Of a folder. More are not judged: the gate must end within seconds."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one artifact.

    Attributes:
        status: "ok", "failed" (the case was flagged), "invalid" or "missing".
        problems: a line each; empty if the status is ok.
    """

    name: str
    status: str
    problems: tuple[str, ...] = ()
    result: str = "-"
    unit: str = "-"

    @property
    def cells(self) -> tuple[str, ...]:
        more = len(self.problems) - MAX_PROBLEMS
        shown = [shorten(each, MAX_CELL) for each in self.problems[:MAX_PROBLEMS]]
        what_is_wrong = "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
        return shorten(self.name, MAX_CELL), self.result, shorten(self.unit, MAX_CELL), self.status, what_is_wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = _parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that the terminal does not
    shown = shorten(printable(str(options.folder)), MAX_CELL)
    try:
        verdicts = judge_folder(options.folder, options.expect)
    except FileNotFoundError:
        print(f"{shown} does not exist: nothing was measured, or the path is wrong")
        verdicts = _missing(options.expect)
    except OSError as error:  # it was a readable folder a moment ago
        print(f"{shown} cannot be read: {error.strerror}")
        verdicts = _missing(options.expect)
    else:
        if not verdicts:
            print(f"{shown} has no artifact: nothing was measured")
    if not verdicts:
        return 1
    print("\n".join(table([HEADINGS, *(verdict.cells for verdict in verdicts)])))
    good = sum(verdict.status == "ok" for verdict in verdicts)
    print(f"{good} of {len(verdicts)} good")
    return 0 if good == len(verdicts) else 1


def judge_folder(folder: Path, expected: Sequence[str] = ()) -> list[Verdict]:
    """A verdict on every file of the folder, by name, then on each expected artifact that is missing.

    Hidden files, such as an artifact that is being written, and the files that measurements leave next to artifacts are
    left out. A folder of more than MAX_FILES others is not judged: it gets one verdict as a whole.

    Raises:
        OSError: if there is no such folder, or it cannot be read.
    """
    with os.scandir(folder) as entries:
        judged = (entry.name for entry in entries if not entry.name.startswith(".") and not is_companion(entry.name))
        names = sorted(islice(judged, MAX_FILES + 1))
    if len(names) > MAX_FILES:
        advice = f"more than {MAX_FILES} files; let each job write to a folder of its own (--ocr-output)"
        return [Verdict(str(folder), "invalid", (advice,))]
    there, wanted, total, verdicts = set(names), set(expected), 0, []
    for name in names:
        total += bytes_to_read(folder / name)
        if total > MAX_TOTAL_BYTES:
            advice = f"not judged: the files before it have {MAX_TOTAL_BYTES} bytes, and no more are read; remove some"
            verdicts.append(Verdict(name, "invalid", (advice,)))
        else:
            verdicts.append(judge(folder / name, expected=name in wanted))
    return verdicts + _missing([name for name in expected if name not in there])


def _missing(names: Collection[str]) -> list[Verdict]:
    return [Verdict(name, "missing", ("expected, but not there",)) for name in dict.fromkeys(names)]


def judge(path: Path, *, expected: bool = False) -> Verdict:
    """A verdict on one file. An expected artifact must come from a run of its case, not from a log."""
    measurement = measurement_of_file(path.name)
    if measurement is None:
        suffixes = " or ".join(f"_{name}" for name in MEASUREMENTS)
        return Verdict(path.name, "invalid", (f"not the name of an artifact, which ends in {suffixes}",))
    try:
        document = store.read(path)
        if found := problems(document, measurement.form):
            return Verdict(path.name, "invalid", tuple(found))
        artifact = store.decoded(document, measurement.form)
    except store.ArtifactError as error:
        return Verdict(path.name, "invalid", (str(error).removeprefix(f"{path.name}: "),))
    result, unit = _result(artifact.FINAL_RESULT), artifact.UNIT
    if misfits := _misfits(path, artifact, measurement, expected=expected):
        return Verdict(path.name, "invalid", tuple(misfits), result, unit)
    if (failure := failure_of(artifact)) is not None:
        return Verdict(path.name, "failed", (describe_failure(failure),), result, unit)
    return Verdict(path.name, "ok", (), result, unit)


def _result(value: float) -> str:
    return f"{value:.3f}" if value < 1e15 else f"{value:g}"


def _misfits(path: Path, artifact: Header, measurement: Measurement, *, expected: bool) -> list[str]:
    """Fields that contradict the case or, in an artifact without a failure, each other; a line each.

    The name of an artifact made from a log is free.
    """
    details = details_of(artifact)
    misfits, good = [], not artifact.JOB_FAIL_FLAG
    if isinstance(details, PlanDetails):
        try:
            case = parse_case(details.case)
        except CaseError as error:
            return [f"details.case: {error}"]
        if path.name != measurement.artifact_name(case):
            misfits.append(f"file name: {path.name}, but the case is {case}")
        misfits += case_contradictions(artifact, case, measurement.log_name(case))
        if good and isinstance(details, MeasuredDetails):
            misfits += measured_contradictions(details, case)
    elif expected:
        misfits.append("not from a run: a case is expected, and this artifact was made from a log")
    if good and isinstance(details, LightDetails):
        misfits.append(LIGHT)
    if good:
        misfits += _contradictions(artifact, measurement) + scaling_mismatch(artifact, path.parent)
    return list(dict.fromkeys(misfits))


def _contradictions(artifact: Header, measurement: Measurement) -> list[str]:
    """An artifact that breaks the check of its measurement, which may divide by a zero, does not break the gate."""
    try:
        return measurement.contradictions(artifact)
    except Exception as error:  # the check of another package may fail in any way
        return [f"cannot be checked: {type(error).__name__}: {error}"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(shorten(printable(message), 3 * MAX_CELL))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m benchmarks.gate",
        description="Check the artifacts of a run.",
        epilog="Exit code 0: all good; 1: an artifact is flagged, invalid or missing, or there is none; 2: wrong use.",
    )
    parser.add_argument("folder", metavar="DIR", type=_folder, help="folder of the artifacts, for example logs/index")
    parser.add_argument(
        "--expect",
        metavar="CASE",
        nargs="+",
        action="extend",
        type=_artifact_names,
        default=[],
        help="cases whose artifact must be there, for example psenet_sp_bs8_fp32_1, or with another measurement "
        f"appended, for example _convergence; or {', '.join(MARKERS)}: every listed case of it; may be repeated",
    )
    options = parser.parse_args(arguments)
    options.expect = list(chain.from_iterable(options.expect))
    return options


def _folder(text: str) -> Path:
    """A folder that is missing is no wrong use: pytest makes none if it skips all cases."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    try:
        with os.scandir(text):
            return Path(text)
    except FileNotFoundError:
        return Path(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{shorten(text, MAX_CELL)}: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shorten(text, MAX_CELL)}: {error}") from None


def _artifact_names(name: str) -> list[str]:
    """File names of artifacts: the speed JSON of a case, that of the measurement that the name ends in, or the speed
    JSON of every listed case of a marker.
    """
    if name in MARKERS:
        return [MEASUREMENTS["speed"].artifact_name(case) for case in MATRIX if case.marker == name]
    measurement = measurement_of_file(name) or MEASUREMENTS["speed"]
    try:
        case = parse_case(name.removesuffix(f"_{measurement.name}"))
    except CaseError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return [measurement.artifact_name(case)]


if __name__ == "__main__":
    sys.exit(exit_code(main, "the verdict"))
