"""What a CI job asks after a run: is every artifact there, valid and without a failure?

    python -m benchmarks.gate logs/index
    python -m benchmarks.gate logs/index --expect psenet_sp_bs8_fp32_1 psenet_sp_bs16_fp32_1

Exit code 0: all good; 1: an artifact is flagged, invalid or missing, or there is none at all; 2: wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case, CaseError, parse_case
from benchmarks.harness.report.tables import table
from benchmarks.harness.results import store
from benchmarks.harness.results.artifact import Header, PlanDetails
from benchmarks.harness.results.common import describe_failure, details_of, failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement, measurement_of_file
from benchmarks.harness.results.validation import problems

PICTURE_SUFFIX = ".png"
HEADINGS = ("artifact", "result", "unit", "status", "what is wrong")
MAX_PROBLEMS = 3


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
        shown = [*self.problems[:MAX_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        return self.name, self.result, self.unit, self.status, "; ".join(shown)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = _parse(arguments)
    verdicts = judge_folder(options.folder, options.expect)
    if not verdicts:
        print(f"{options.folder} has no artifact: nothing was measured")
        return 1
    print("\n".join(table([HEADINGS, *(verdict.cells for verdict in verdicts)])))
    good = sum(verdict.status == "ok" for verdict in verdicts)
    print(f"{good} of {len(verdicts)} good")
    return 0 if good == len(verdicts) else 1


def judge_folder(folder: Path, expected: Sequence[str] = ()) -> list[Verdict]:
    """A verdict on every file of the folder, by name, then on each expected artifact that is missing.

    Hidden files, such as an artifact that is being written, and the pictures next to artifacts are left out.
    """
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and not _is_picture(path))
    missing = [name for name in dict.fromkeys(expected) if name not in names]
    return [
        *(judge(folder / name) for name in names),
        *(Verdict(name, "missing", ("expected, but not there",)) for name in missing),
    ]


def _is_picture(path: Path) -> bool:
    return path.suffix == PICTURE_SUFFIX and measurement_of_file(path.stem) is not None


def judge(path: Path) -> Verdict:
    """A verdict on one file."""
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
    result, unit = f"{artifact.FINAL_RESULT:.3f}", artifact.UNIT
    if misfits := _misfits(path.name, artifact, measurement):
        return Verdict(path.name, "invalid", tuple(misfits), result, unit)
    if (failure := failure_of(artifact)) is not None:
        return Verdict(path.name, "failed", (describe_failure(failure),), result, unit)
    return Verdict(path.name, "ok", (), result, unit)


def _misfits(file_name: str, artifact: Header, measurement: Measurement) -> list[str]:
    """Fields that contradict the case or, in an artifact without a failure, the result; a line each.

    The name of an artifact made from a log is free.
    """
    details = details_of(artifact)
    if not isinstance(details, PlanDetails):
        return []
    try:
        case = parse_case(details.case)
    except CaseError as error:
        return [f"details.case: {error}"]
    wanted = [
        ("file name", file_name, measurement.artifact_name(case)),
        ("model_name", artifact.model_name, case.model_name),
        ("run_mode", artifact.run_mode, case.mode),
        ("gpu_num", artifact.gpu_num, case.gpu_count),
    ]
    misfits = [f"{field}: {found}, but the case is {case}" for field, found, fitting in wanted if found != fitting]
    return misfits + ([] if artifact.JOB_FAIL_FLAG else measurement.contradictions(artifact))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
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
        type=_artifact_name,
        default=[],
        help="cases whose artifact must be there, for example psenet_sp_bs8_fp32_1, or with another measurement "
        "appended, for example _convergence; may be repeated",
    )
    return parser.parse_args(arguments)


def _folder(text: str) -> Path:
    try:
        next(Path(text).iterdir(), None)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return Path(text)


def _artifact_name(name: str) -> str:
    """File name of the artifact of a case: its speed JSON, or that of the measurement that the name ends in."""
    measurement = measurement_of_file(name) or MEASUREMENTS["speed"]
    try:
        case: Case = parse_case(name.removesuffix(f"_{measurement.name}"))
    except CaseError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return measurement.artifact_name(case)


if __name__ == "__main__":
    sys.exit(main())
