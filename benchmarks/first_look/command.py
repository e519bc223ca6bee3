"""The command line of the first look."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from benchmarks.first_look.pieces import Request, pieces
from benchmarks.first_look.runner import Outcome, run_all, say
from benchmarks.first_look.summary import write_summary
from benchmarks.harness.controller.gpus import cuda_gpu_count
from benchmarks.harness.results.redaction import redact
from ocr_models import MODELS

MAX_MINUTES = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0; 1 if a piece failed or none could be run; 2 if the options cannot be used;
    130 if it was interrupted.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not cuda_gpu_count():
        parser.error("no CUDA GPU was found: nvidia-smi shows what the driver sees; `--device cpu` tries the command")
    if given.data is not None and not given.data.is_dir():
        parser.error(f"argument --data: {redact(str(given.data))} is not a folder")
    folder = given.output.absolute()
    request = Request(given.model, given.device, given.small or given.device == "cpu", folder, given.minutes)
    try:
        _make_folder(folder)
        outcomes = run_all(
            request, pieces(request), given.data and given.data.absolute(), lambda done: _report(request, done)
        )
    except FileExistsError:
        parser.error(f"argument --output: {redact(str(given.output))} is not an empty folder: name a new one")
    except OSError as error:
        parser.error(f"argument --output: {redact(str(given.output))} cannot be written: {error.strerror}")
    say(f"summary: {redact(str(given.output / 'summary.md'))}")
    return _exit_code(outcomes)


def _make_folder(folder: Path) -> None:
    """Raises FileExistsError if there is something that is not an empty folder, else OSError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError
    for name in ("logs", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)


def _report(request: Request, outcomes: list[Outcome]) -> None:
    last = outcomes[-1]
    remark = f": {last.remark}" if last.remark else ""
    say(f"{last.piece.name}: {last.status} ({last.seconds:.1f} s){remark}")
    write_summary(request, outcomes)


def _exit_code(outcomes: list[Outcome]) -> int:
    statuses = {outcome.status for outcome in outcomes}
    if "interrupted" in statuses:
        return 130
    return 1 if statuses & {"failed", "timed out"} or "ok" not in statuses else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.first_look",
        description="The first minutes on a GPU: limits, operations in doubt, parts of a step, cases. See docs/gpu.md.",
    )
    parser.add_argument("--minutes", type=_minutes, default=9, help="time for everything; what does not fit is skipped")
    parser.add_argument("--output", type=Path, default=Path("first_look"), help="new or empty folder")
    parser.add_argument("--model", choices=list(MODELS), default="psenet", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument(
        "--data", type=Path, help="folder of the model's data, annotated images or words; by default the synthetic set"
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu tries the command, with --small")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the command")
    return parser


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes <= MAX_MINUTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0 and up to {MAX_MINUTES}")
    return minutes
