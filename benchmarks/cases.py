"""A case: one model in one run mode, batch size, precision and number of processes; and the cases that are measured.

A name holds everything: `<model>_<mode>_bs<B>_<precision>[_compile]_<N>`, for example `psenet_sp_bs8_fp32_1`,
`psenet_mp_bs64_bf16_compile_8` or `psenet_mp_bs4_fp32_cpu2`. B is the global batch, over all processes; N counts GPUs,
and `cpuN` processes on the CPU. Any name of this grammar can be run, listed in the matrix or not.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from ocr_models import MODELS

MODES = ("sp", "mp")  # one process; one process per GPU
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")  # IEEE; TensorFloat-32; autocast with a gradient scaler; autocast
DEVICES = ("cuda", "cpu")

_NAME = re.compile(
    r"(?P<model>[a-z0-9]+)_(?P<mode>[a-z]+)_bs(?P<batch_size>[1-9][0-9]*)_(?P<precision>[a-z]+[0-9]+)"
    r"(?P<compile>_compile)?_(?P<device>cpu)?(?P<processes>[1-9][0-9]*)"
)


class CaseError(ValueError):
    """A case that cannot be: one line that says why."""


MAX_BATCH_SIZE = 2**20


@dataclass(frozen=True)
class Case:
    """One benchmark case.

    Attributes:
        model: a key of `ocr_models.MODELS`.
        mode: "sp", one process, or "mp", one process per GPU with gradients averaged over them.
        batch_size: samples per step over all processes.
        precision: one of `PRECISIONS`.
        compile: whether the training step goes through torch.compile.
        device: "cuda" or "cpu".
        processes: GPUs, or processes on the CPU.

    Raises:
        CaseError: where the values do not fit one another.
    """

    model: str
    mode: str
    batch_size: int
    precision: str
    compile: bool = False
    device: str = "cuda"
    processes: int = 1

    def __post_init__(self) -> None:
        _one_of("model", self.model, tuple(MODELS))
        _one_of("run mode", self.mode, MODES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("device", self.device, DEVICES)
        if self.batch_size < 1 or self.processes < 1:
            raise CaseError("batch size and number of processes must be positive")
        if self.batch_size > MAX_BATCH_SIZE:
            raise CaseError(f"a global batch of {self.batch_size} is more than {MAX_BATCH_SIZE}, surely a slip")
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
        """The precision, and whether the step is compiled, as both stand in names."""
        return self.precision + ("_compile" if self.compile else "")

    @property
    def batch_size_per_process(self) -> int:
        return self.batch_size // self.processes

    @property
    def gpu_count(self) -> int:
        """GPUs the case needs on all nodes together; 0 on the CPU."""
        return self.processes if self.device == "cuda" else 0

    @property
    def marker(self) -> str:
        """The pytest marker: "cpu", "single_gpu" or "multi_gpu"."""
        if self.device == "cpu":
            return "cpu"
        return "single_gpu" if self.processes == 1 else "multi_gpu"

    @property
    def log_name(self) -> str:
        """File name of the train log: the case with the model written as in artifacts."""
        return str(self).replace(self.model, f"ocr_{MODELS[self.model].title}", 1)

    @property
    def artifact_name(self) -> str:
        """File name of the speed JSON."""
        return f"{self.log_name}_speed"

    @property
    def model_name(self) -> str:
        """The artifact's `model_name`: repository, model, batch, precision."""
        return f"ocr_{MODELS[self.model].title}_bs{self.batch_size}_{self.variant}"


def parse_case(name: str) -> Case:
    """Read a case's name back: `str(parse_case(name)) == name`.

    Raises:
        CaseError: where the name is not one of the grammar, or its parts do not fit one another; one line, with the
            nearest name of the matrix where there is one.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise CaseError(f"{name!r} is not a case: <model>_<mode>_bs<B>_<precision>[_compile]_<N>{_nearest(name)}")
    try:
        return Case(
            model=match["model"],
            mode=match["mode"],
            batch_size=int(match["batch_size"]),
            precision=match["precision"],
            compile=match["compile"] is not None,
            device=match["device"] or "cuda",
            processes=int(match["processes"]),
        )
    except CaseError as error:
        raise CaseError(f"{name!r} is not a case: {error}{_nearest(name)}") from None


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CaseError(f"unknown {what} {value!r}, known: {', '.join(choices)}")


def _nearest(name: str) -> str:
    matches = difflib.get_close_matches(name, map(str, MATRIX), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


_MIXED = ("fp32", "fp16", "bf16")

MATRIX: tuple[Case, ...] = (
    Case("psenet", "sp", 2, "fp32", device="cpu"),
    Case("psenet", "mp", 4, "fp32", device="cpu", processes=2),
    *(Case("psenet", "sp", batch, precision) for precision in _MIXED for batch in (8, 16)),
    *(Case("psenet", "sp", batch, "bf16", compile=True) for batch in (8, 16)),
    *(
        Case("psenet", "mp", gpus * batch, precision, processes=gpus)
        for gpus in (2, 4, 8)
        for precision in _MIXED
        for batch in (8, 16)
    ),
)


@dataclass(frozen=True)
class ConvergenceCase:
    """A case trained until it should find text, then measured by that: speed counts only if the training is right.

    Attributes:
        case: what is trained.
        steps: from random weights.
        image_size: side of the training crop, and short side of the held-out images, in pixels.
        target: harmonic mean of precision and recall on the held-out images that must be reached in the end, 0 to 1.
        evaluations: evenly spread over the steps, the last one behind the last step.

    Raises:
        CaseError: where the values do not fit one another.
    """

    case: Case
    steps: int
    image_size: int
    target: float
    evaluations: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise CaseError(f"a target is above 0 and at most 1, not {self.target}")
        if self.steps < 1 or self.evaluations < 1:
            raise CaseError("steps and evaluations must be positive")

    def __str__(self) -> str:
        return str(self.case)

    @property
    def artifact_name(self) -> str:
        """File name of the convergence JSON."""
        return f"{self.case.log_name}_convergence"


CONVERGENCE: tuple[ConvergenceCase, ...] = (
    ConvergenceCase(Case("psenetsmall", "sp", 4, "fp32", device="cpu"), steps=160, image_size=320, target=0.70),
    ConvergenceCase(Case("psenet", "sp", 16, "bf16"), steps=2000, image_size=736, target=0.70),
)


def convergence_case(case: Case) -> ConvergenceCase:
    """The convergence case of any case: the listed one, else with the steps and target listed for its model."""

    def likeness(each: ConvergenceCase) -> tuple[bool, bool, bool]:
        return each.case == case, each.case.model == case.model, each.case.device == case.device

    return replace(max(CONVERGENCE, key=likeness), case=case)
