"""The `--ocr-*` options and their ini twins: declared, read, checked, and shown as in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import CONVERGENCE, MATRIX, Case, CaseError, ConvergenceCase, convergence_case, parse_case
from benchmarks.harness.nodes import nodes_from, split_endpoint
from benchmarks.harness.settings import DEFAULT_IMAGE_SIZE, DEFAULT_STEPS, DEFAULT_WARMUP_STEPS, Settings


@dataclass(frozen=True)
class Option:
    """One setting: `--ocr-<name>` on the command line, `ocr_<name>` in pytest.ini, `field` in Settings.

    `parse` turns text into the value, or raises ValueError with what was expected; `default` is the ini default. One
    without a `metavar` takes no value on the command line: it is there, for yes, or it is not.
    """

    name: str
    field: str
    parse: Callable[[str], Any]
    default: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return f"--ocr-{self.name}"

    @property
    def ini(self) -> str:
        return f"ocr_{self.name.replace('-', '_')}"


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _or_auto(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse_or_auto(text: str) -> Any:
        try:
            return None if text == "auto" else parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or auto") from None

    return parse_or_auto


def _image_size(text: str) -> int:
    size = int(text) if text.isascii() and text.isdigit() else 0
    if not 64 <= size <= 8192 or size % 32:
        raise ValueError("a multiple of 32 pixels from 64 to 8192")
    return size


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError("a number of seconds above 0")
    return seconds


def _data_folder(text: str) -> Path | None:
    if text == "synthetic":
        return None
    if not text or not Path(text).is_dir():
        raise ValueError("an existing folder of annotated images, or synthetic")
    return Path(text).resolve()


def _output_folder(text: str) -> Path:
    if not text or (Path(text).exists() and not Path(text).is_dir()):
        raise ValueError("a folder, or a path where one can be made")
    return Path(text).resolve()


def _endpoint(text: str) -> str:
    try:
        split_endpoint(text)
    except ValueError:
        raise ValueError("HOST:PORT") from None
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(" or ".join(choices))
        return text

    return parse


def _yes_or_no(text: str) -> bool:
    return _one_of("no", "yes")(text) == "yes"


def _each(values: dict[str, int]) -> str:
    return ", ".join(f"{value} on {device}" for device, value in values.items())


OPTIONS = (
    Option(
        "steps",
        "steps",
        _or_auto(_whole_number(1, 10**7)),
        "auto",
        "N",
        f"measured steps (auto: {_each(DEFAULT_STEPS)})",
    ),
    Option(
        "warmup",
        "warmup_steps",
        _or_auto(_whole_number(0, 10**7)),
        "auto",
        "N",
        f"steps before them that are not counted (auto: {_each(DEFAULT_WARMUP_STEPS)})",
    ),
    Option(
        "image-size",
        "image_size",
        _or_auto(_image_size),
        "auto",
        "PIXELS",
        f"side of the square training crop (auto: {_each(DEFAULT_IMAGE_SIZE)})",
    ),
    Option(
        "data",
        "data",
        _data_folder,
        "synthetic",
        "FOLDER",
        "annotated images, in ICDAR 2015's or PaddleOCR's layout; synthetic: a set made once",
    ),
    Option("output", "output", _output_folder, "logs", "FOLDER", "where train_log/ and index/ go"),
    Option(
        "workers",
        "workers",
        _or_auto(_whole_number(0, 1024)),
        "auto",
        "N",
        "data loading processes per training process (auto: 1 on cpu, its share of the cores less one on cuda)",
    ),
    Option(
        "nnodes",
        "nodes",
        _or_auto(_whole_number(1, 10**5)),
        "auto",
        "N",
        "nodes of the job (auto: torchrun's, Slurm's, or 1)",
    ),
    Option("node-rank", "node_rank", _or_auto(_whole_number(0, 10**5)), "auto", "N", "which of them this is, from 0"),
    Option(
        "rdzv-endpoint",
        "rdzv_endpoint",
        _or_auto(_endpoint),
        "auto",
        "HOST:PORT",
        "where they meet: a port of node 0, the same on all nodes",
    ),
    Option("timeout", "timeout_seconds", _seconds, "900", "SECONDS", "time limit of one case"),
    Option("seed", "seed", _whole_number(0, 2**32 - 1), "0", "N", "seed of weights, order of samples and augmentation"),
    Option(
        "cache",
        "cache",
        _one_of("none", "decoded"),
        "none",
        "KIND",
        "decoded: keep decoded images on disk, 2.8 MB for 1280x720, and map them; none: decode each time",
    ),
    Option(
        "profile-loader",
        "profile_loader",
        _yes_or_no,
        "no",
        "",
        "say in details where the loader's time goes",
    ),
    Option(
        "resume",
        "resume",
        _yes_or_no,
        "no",
        "",
        "let a convergence case go on from the checkpoint in the output folder, where there is one",
    ),
)


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("ocr", "OCR training benchmarks")
    group.addoption(
        "--ocr-case",
        action="append",
        metavar="NAME",
        help="run this case instead of the matrix; may be repeated, and may name a case outside the matrix",
    )
    parser.addini("ocr_case", "cases to run instead of the matrix, a name a line", type="linelist", default=[])
    for option in OPTIONS:
        help_text = f"{option.help} (ini: {option.ini}, default: {option.default})"
        value = {"metavar": option.metavar} if option.metavar else {"action": "store_const", "const": "yes"}
        group.addoption(option.flag, dest=option.ini, default=None, help=help_text, **value)
        parser.addini(option.ini, option.help, default=option.default)


def read_settings(config: pytest.Config) -> Settings:
    """The settings in force.

    Raises:
        pytest.UsageError: naming the option, or the ini file and its key, whose value is wrong.
    """
    values = {}
    for option in OPTIONS:
        text, source = _given(config, option)
        base = config.invocation_params.dir if source == option.flag else config.rootpath
        if option.parse in (_data_folder, _output_folder) and text != "synthetic":
            text = str(base / Path(text).expanduser()) if text else text
        try:
            values[option.field] = option.parse(text)
        except ValueError as error:
            raise pytest.UsageError(f"{source}: {text!r} is not {error}") from None
    try:
        nodes = nodes_from(values.pop("nodes"), values.pop("node_rank"), values.pop("rdzv_endpoint"))
    except ValueError as error:
        raise pytest.UsageError(f"--ocr-nnodes: {error}") from None
    return Settings(**values, nodes=nodes)


def case_names(config: pytest.Config) -> list[str]:
    """The cases asked for by name; none stands for those listed."""
    names: list[str] = config.getoption("--ocr-case") or config.getini("ocr_case")
    return names


def selected_cases(config: pytest.Config) -> tuple[Case, ...]:
    """The cases asked for by name, else the matrix.

    Raises:
        pytest.UsageError: naming what is wrong with a name.
    """
    names = case_names(config)
    source = "--ocr-case" if config.getoption("--ocr-case") else f"{_ini_file(config)}: ocr_case"
    try:
        return tuple(map(parse_case, dict.fromkeys(names))) or MATRIX
    except CaseError as error:
        raise pytest.UsageError(f"{source}: {error}") from None


def selected_convergence_cases(config: pytest.Config) -> tuple[ConvergenceCase, ...]:
    """Those of the cases asked for by name, else the listed ones."""
    cases = selected_cases(config)
    return CONVERGENCE if cases is MATRIX else tuple(map(convergence_case, cases))


def header(config: pytest.Config, settings: Settings) -> str:
    """One line for pytest's header: every setting in force."""
    nodes = settings.nodes
    shown_nodes = {"nodes": nodes.count, "node_rank": nodes.rank, "rdzv_endpoint": nodes.endpoint or "none"}
    shown = []
    for option in OPTIONS:
        value: Any = shown_nodes.get(option.field) if option.field in shown_nodes else getattr(settings, option.field)
        if option.field == "output":
            value = _relative(value, config.invocation_params.dir)
        if option.field == "timeout_seconds":
            value = f"{value:g} s"
        if isinstance(value, bool):
            value = "yes" if value else "no"
        shown.append(f"{option.name} {_given(config, option)[0] if value is None else value}")
    shown.append(f"case {' '.join(case_names(config)) or 'as listed'}")
    return "ocr: " + ", ".join(shown)


def _given(config: pytest.Config, option: Option) -> tuple[str, str]:
    """The text in force, and where it comes from."""
    text = config.getoption(option.ini)
    if text is not None:
        return str(text), option.flag
    return str(config.getini(option.ini)), f"{_ini_file(config)}: {option.ini}"


def _ini_file(config: pytest.Config) -> str:
    return config.inipath.name if config.inipath else "ini"


def _relative(path: Path, base: Path) -> Path:
    return path.relative_to(base) if path.is_relative_to(base) else path
