"""The `--ocr-*` options and their ini keys: declared to pytest, read and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.controller.nodes import nodes_from
from benchmarks.harness.controller.option_table import NODE_FIELDS, OPTIONS, PATHS, Option
from benchmarks.harness.controller.option_values import quoted
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.protocol.text import printable_line


@dataclass(frozen=True)
class Given:
    """The effective text of an option and its source: the flag, or ini file and key."""

    text: str
    source: str


def add_options(parser: pytest.Parser) -> None:
    """Declare `--ocr-case`, every option of OPTIONS, and their ini keys."""
    group = parser.getgroup("ocr", "OCR training benchmarks")
    group.addoption(
        "--ocr-case",
        action="append",
        metavar="NAME",
        help="run this case instead of the listed ones; may be repeated, and may be any case, listed or not",
    )
    parser.addini("ocr_case", "cases to run instead of the listed ones, one name per line", type="linelist", default=[])
    for option in OPTIONS:
        help_text = f"{option.help} (ini: {option.ini}, default: {option.default})".replace("%", "%%")  # of argparse
        value = {"metavar": option.metavar} if option.metavar else {"action": "store_const", "const": "yes"}
        group.addoption(option.flag, dest=option.ini, default=None, help=help_text, **value)
        parser.addini(option.ini, option.help, default=option.default)


def read_settings(config: pytest.Config) -> Settings:
    """The effective settings.

    Raises:
        pytest.UsageError: naming the option, or the ini file and key, with a wrong value.
    """
    values = {}
    for option in OPTIONS:
        given = effective(config, option)
        text = given.text
        try:
            if option.parse in PATHS and text not in ("", PATHS[option.parse]):
                base = config.invocation_params.dir if given.source == option.flag else config.rootpath
                text = str(base / Path(text).expanduser())
            values[option.field] = option.parse(text)
        except RuntimeError:
            raise pytest.UsageError(f"{given.source}: {quoted(text)}: there is no such home directory") from None
        except (ValueError, OSError) as error:
            reason = f"cannot be used: {error.strerror}" if isinstance(error, OSError) else f"is not {error}"
            raise pytest.UsageError(f"{given.source}: {quoted(text)} {reason}") from None
    if TOKEN_VARIABLE in os.environ:  # a run of a comparison: addopts and these keys of the ini file are not for it
        values["compare"] = values["history"] = None
    try:
        nodes = nodes_from(*(values.pop(field) for field in NODE_FIELDS))
    except ValueError as error:
        raise pytest.UsageError(f"--ocr-nnodes: {printable_line(str(error))}") from None
    return Settings(**values, nodes=nodes)


def effective(config: pytest.Config, option: Option) -> Given:
    """The command line has priority over the ini file."""
    text = config.getoption(option.ini)
    if text is not None:
        return Given(str(text), option.flag)
    return Given(str(config.getini(option.ini)), f"{ini_file(config)}: {option.ini}")


def ini_file(config: pytest.Config) -> str:
    """Name of the ini file, for messages."""
    return config.inipath.name if config.inipath else "ini"
