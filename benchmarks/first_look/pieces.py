"""What is measured, the most valuable first, each with the time it needs and the time it gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.first_look.sizes import batch_size, image_side
from benchmarks.harness.protocol.machine import ROOT
from ocr_models import MODELS
from ocr_models.data_kinds import OPTIONS

Device = Literal["cuda", "cpu"]
CASE_STEPS = 40
SMALL_SECONDS = 10.0  # what a piece with small sizes needs at most: mostly imports


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    model: str
    device: Device
    small: bool
    folder: Path
    minutes: float


@dataclass(frozen=True)
class Piece:
    """One measurement, in a process of its own.

    Attributes:
        name: of its log and its findings.
        question: what it answers.
        expected_seconds: on an H100, an estimate; it is not started if less time is left. Small sizes need less.
        limit_seconds: it is ended after that.
        command: what is run; `DATA` in it is replaced by the folder of the images.
        case: of a piece that takes a case, else None.
    """

    name: str
    question: str
    expected_seconds: float
    limit_seconds: float
    command: tuple[str, ...]
    case: str | None = None

    @property
    def needs_data(self) -> bool:
        return DATA in self.command


DATA = "<data>"
MAKE_DATA = "data"


def pieces(request: Request) -> list[Piece]:
    """All pieces that make sense for the request, in order of value."""
    made = (sys.executable, "-m", "ocr_models.synthetic_data", request.model)
    found = [
        Piece(MAKE_DATA, "the images", 10, 90, made),
        _piece(request, "ceilings", "How fast does the device copy and multiply?", 30, 75),
    ]
    found.append(_piece(request, "step", "Where does a step's time go?", 40, 90, data=True))
    found += _cases(request)
    found.append(_piece(request, "formats", "Which memory format suits float32?", 40, 80, data=True))
    if request.model == "psenet":
        found.append(_piece(request, "operations", "What do the operations in doubt cost?", 75, 130))
    if request.small:
        return [replace(each, expected_seconds=min(each.expected_seconds, SMALL_SECONDS)) for each in found]
    return found


def _piece(request: Request, module: str, question: str, expected: float, limit: float, *, data: bool = False) -> Piece:
    command = [sys.executable, "-m", f"benchmarks.first_look.{module}", "--device", request.device]
    command += ["--model", request.model, "--folder", str(request.folder)]
    command += ["--findings", str(findings_path(request.folder, module))]
    command += ["--small"] if request.small else []
    command += ["--data", DATA] if data else []
    return Piece(module, question, expected, limit, tuple(command))


def _cases(request: Request) -> Iterator[Piece]:
    """Through pytest, as a user runs them."""
    batch = batch_size(request.model, small=request.small)
    if request.device == "cpu":
        yield _case(request, f"{request.model}_sp_bs{batch}_fp32_cpu1", 40, 120)
        return
    yield _case(request, f"{request.model}_sp_bs{batch}_bf16_1", 45, 90)
    if request.small:
        return  # the other cases would try nothing else
    yield _case(request, f"{request.model}_sp_bs{batch}_fp16_1", 45, 90)
    yield _case(request, f"{request.model}_sp_bs{batch}_bf16_compile_1", 120, 240)
    yield _case(request, f"{request.model}_sp_bs{batch}_fp32_1", 70, 110)


def _case(request: Request, case: str, expected: float, limit: float) -> Piece:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "benchmarks")]
    command += ["--ocr-case", case, "--ocr-output", str(cases_folder(request.folder))]
    command += [OPTIONS[MODELS[request.model].data], DATA]
    command += ["--ocr-steps", str(3 if request.small else CASE_STEPS), "--ocr-nnodes", "1"]
    command += ["--ocr-require"]  # pytest's exit code is 0 if its only case is skipped
    if request.small:
        command += ["--ocr-warmup", "2", "--ocr-loader-workers", "1"]
        side = image_side(request.model, small=True)
        command += [] if side is None else ["--ocr-image-size", str(side)]
    return Piece(case, "How fast is the case, and what bounds it?", expected, limit, tuple(command), case)


def findings_path(folder: Path, name: str) -> Path:
    """The figures of a piece."""
    return folder / "findings" / f"{name}.jsonl"


def cases_folder(folder: Path) -> Path:
    """`--ocr-output` of the cases."""
    return folder / "cases"
