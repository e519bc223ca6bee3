"""A case: one model in one run mode, batch size, precision and number of processes; and the cases listed to run.

The name of a case says everything: `<model>_<mode>_bs<B>_<precision>[_compile]_<N>`, for example
`psenet_sp_bs8_fp32_1`, `psenet_mp_bs64_bf16_compile_8` or `psenet_mp_bs4_fp32_cpu2`. B is the global batch, over all
processes. N is the number of GPUs; `cpuN` means N processes on the CPU. Any name of this grammar can be run, listed
here or not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from ocr_models import BROKEN_MODELS, MODELS

RunMode = Literal["sp", "mp"]
"""One process; one process per GPU."""

Precision = Literal["fp32", "tf32", "fp16", "bf16"]
"""IEEE; TensorFloat-32; autocast with a gradient scaler; autocast."""

Device = Literal["cuda", "cpu"]

Marker = Literal["cpu", "single_gpu", "multi_gpu"]
MARKERS: tuple[Marker, ...] = get_args(Marker)
"""Of the tests of cases: on the CPU, on one GPU, on several."""

MAX_BATCH_SIZE = 2**20
MAX_NAME_LENGTH = 200
"""Of a case, in characters. Also limits the digits of its numbers."""

_NAME = re.compile(
    r"(?P<model>[a-z0-9]+)_(?P<mode>[a-z]+)_bs(?P<batch_size>[1-9][0-9]*)_(?P<precision>[a-z]+[0-9]+)"
    r"(?P<compile>_compile)?_(?P<device>cpu)?(?P<processes>[1-9][0-9]*)"
)


class CaseError(ValueError):
    """An impossible case: one line that says why."""


@dataclass(frozen=True)
class Case:
    """One benchmark case.

    Attributes:
        model: a key of `ocr_models.MODELS`.
        mode: "sp", one process, or "mp", one process per GPU with gradients averaged over them.
        batch_size: samples per step over all processes.
        precision: of matrix products and convolutions.
        compile: whether the training step goes through torch.compile.
        device: "cuda" or "cpu".
        processes: GPUs, or processes on the CPU.

    Raises:
        CaseError: if the values contradict each other.
    """

    model: str
    mode: RunMode
    batch_size: int
    precision: Precision
    compile: bool = False
    device: Device = "cuda"
    processes: int = 1

    def __post_init__(self) -> None:
        if self.model in BROKEN_MODELS and self.model not in MODELS:
            raise CaseError(f"model {self.model!r}: {BROKEN_MODELS[self.model]}")
        _one_of("model", self.model, tuple(MODELS))
        _one_of("run mode", self.mode, get_args(RunMode))
        _one_of("precision", self.precision, get_args(Precision))
        _one_of("device", self.device, get_args(Device))
        if self.batch_size < 1 or self.processes < 1:
            raise CaseError("batch size and number of processes must be positive")
        if self.batch_size > MAX_BATCH_SIZE:
            raise CaseError(f"a global batch of {self.batch_size} is more than {MAX_BATCH_SIZE}")
        if self.mode == "sp" and self.processes != 1:
            raise CaseError(f"sp means one process, not {self.processes}; several processes are mp")
        if self.batch_size % self.processes:
            raise CaseError(f"the global batch of {self.batch_size} cannot be divided among {self.processes} processes")
        if self.precision == "tf32" and self.device == "cpu":
            raise CaseError("tf32 needs a CUDA GPU; on the CPU ask for fp32 or bf16")

    def __str__(self) -> str:
        device = "cpu" if self.device == "cpu" else ""
        return f"{self.model}_{self.mode}_bs{self.batch_size}_{self.variant}_{device}{self.processes}"

    @property
    def variant(self) -> str:
        """Precision and compilation, as in names: "bf16_compile"."""
        return self.precision + ("_compile" if self.compile else "")

    @property
    def batch_size_per_process(self) -> int:
        return self.batch_size // self.processes

    @property
    def gpu_count(self) -> int:
        """GPUs the case needs on all nodes together; 0 on the CPU."""
        return self.processes if self.device == "cuda" else 0

    @property
    def marker(self) -> Marker:
        """The pytest marker of the case."""
        if self.device == "cpu":
            return "cpu"
        return "single_gpu" if self.processes == 1 else "multi_gpu"

    @property
    def log_name(self) -> str:
        """Base of all file names: the case, with the model's title."""
        return str(self).replace(self.model, f"ocr_{MODELS[self.model].title}", 1)

    @property
    def model_name(self) -> str:
        """The artifact's `model_name`: repository, model, batch, precision."""
        return f"ocr_{MODELS[self.model].title}_bs{self.batch_size}_{self.variant}"


def parse_case(name: str) -> Case:
    """The case of a name: `str(parse_case(name)) == name`.

    Raises:
        CaseError: if the name does not follow the grammar, or its parts contradict each other; one line, with the
            nearest name of the matrix if one is near.
    """
    if len(name) > MAX_NAME_LENGTH:
        shown = f"{name[:40]}..."
        raise CaseError(
            f"{shown!r} is not a case: it has {len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
        )
    match = _NAME.fullmatch(name)
    if match is None:
        raise CaseError(f"{name!r} is not a case: <model>_<mode>_bs<B>_<precision>[_compile]_<N>{_nearest(name)}")
    try:
        return Case(
            model=match["model"],
            mode=cast("RunMode", match["mode"]),
            batch_size=int(match["batch_size"]),
            precision=cast("Precision", match["precision"]),
            compile=match["compile"] is not None,
            device=cast("Device", match["device"] or "cuda"),
            processes=int(match["processes"]),
        )
    except CaseError as error:
        raise CaseError(f"{name!r} is not a case: {error}{_nearest(name)}") from None


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CaseError(f"unknown {what} {value!r}, known: {', '.join(choices)}")


def _nearest(name: str) -> str:
    known = [*map(str, MATRIX)]
    match = _NAME.fullmatch(name)
    if match is not None and match["model"] not in MODELS:  # the case need not be a listed one
        known += (f"{model}{name[match.end('model') :]}" for model in MODELS)
    matches = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _on_a_cpu(model: str) -> tuple[Case, ...]:
    """Two samples per process, in one process and in two."""
    return parse_case(f"{model}_sp_bs2_fp32_cpu1"), parse_case(f"{model}_mp_bs4_fp32_cpu2")


def _on_gpus(model: str, gpus: int, variants: Sequence[str], samples: Sequence[int]) -> tuple[Case, ...]:
    """Each variant with each number of samples per GPU."""
    mode = "sp" if gpus == 1 else "mp"
    return tuple(
        parse_case(f"{model}_{mode}_bs{gpus * each}_{variant}_{gpus}") for variant in variants for each in samples
    )


_OF_PAGES = 8, 16
"""Samples per GPU of a text detector, which gets large parts of pages."""

MATRIX: tuple[Case, ...] = (
    *_on_a_cpu("psenet"),
    *_on_gpus("psenet", 1, ("fp32", "fp16", "bf16", "tf32", "bf16_compile"), _OF_PAGES),
    *(case for gpus in (2, 4, 8) for case in _on_gpus("psenet", gpus, ("fp32", "fp16", "bf16"), _OF_PAGES)),
    *_on_a_cpu("dbr18"),
    *(
        case
        for model in ("dbr50", "dbr18")
        for gpus in (1, 8)
        for case in _on_gpus(model, gpus, ("fp32", "fp16", "bf16", "bf16_compile"), _OF_PAGES)
    ),
    parse_case("crnnvgg_sp_bs32_fp32_cpu1"),
    *(case for gpus in (1, 8) for case in _on_gpus("crnn", gpus, ("fp32", "tf32", "fp16", "bf16"), [256])),
    parse_case("parseqtiny_sp_bs16_fp32_cpu1"),
    *(case for gpus in (1, 8) for case in _on_gpus("parseq", gpus, ("fp32", "bf16", "bf16_compile"), [384])),
)


CONVERGENCE: tuple[Case, ...] = (
    parse_case("psenetr18_sp_bs4_fp32_cpu1"),
    parse_case("dbr18_sp_bs4_fp32_cpu1"),
    parse_case("crnnvgg128_sp_bs64_fp32_cpu1"),
    parse_case("parseqtiny_sp_bs16_fp32_cpu1"),
    parse_case("psenet_sp_bs16_bf16_1"),
    parse_case("dbr50_sp_bs16_bf16_1"),
    parse_case("crnn_sp_bs256_tf32_1"),
    parse_case("parseq_sp_bs384_fp16_1"),
)
"""Cases whose training must reach a score. Their goals are in `ocr_models.MODELS`."""


LARGEST_BATCH: tuple[Case, ...] = (
    parse_case("psenet_sp_bs2_fp32_cpu1"),
    parse_case("dbr18_sp_bs2_fp32_cpu1"),
    parse_case("crnnvgg_sp_bs32_fp32_cpu1"),
    parse_case("parseqtiny_sp_bs16_fp32_cpu1"),
    *(
        case
        for model in ("psenet", "dbr50", "dbr18")
        for case in _on_gpus(model, 1, ("fp32", "bf16", "bf16_compile"), [8])
    ),
    *_on_gpus("crnn", 1, ("fp32", "bf16"), [256]),
    *_on_gpus("parseq", 1, ("fp32", "bf16", "bf16_compile"), [384]),
)
"""Cases whose largest batch is searched for. The batch of a case is the first that is tried."""
