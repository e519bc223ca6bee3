"""What --ocr-compare goes with, and what the runs of its comparisons get. `benchmarks/compare` does the work."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

import pytest

from benchmarks.harness.controller.option_table import COMPARISON_FIELDS, DATA_FIELDS, NODE_FIELDS, OPTIONS, Option
from benchmarks.harness.controller.options import effective
from benchmarks.harness.controller.selection import COMPONENTS, measurement_of
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.measurements import MEASUREMENTS

NO_EFFECT = ("memory_limit_bytes", "no_report")
NOT_FOR_RUNS = (*COMPARISON_FIELDS, *NODE_FIELDS, *NO_EFFECT, "output", "history", "require", "light")
"""Fields whose options the runs do not get: the comparison sets or has checked them itself, or they have no effect."""

SAME_ON_BOTH_SIDES = (*DATA_FIELDS, "steps", "warmup_steps", "seed")
"""Fields that both sides get also from the ini file of this pytest."""


def source(config: pytest.Config) -> str:
    """Where the side comes from, for messages: the flag, or the ini file and its key."""
    return effective(config, _option("compare")).source


def check_options(config: pytest.Config, settings: Settings) -> None:
    """Raises pytest.UsageError for an option that has no effect without --ocr-compare, or contradicts it. In the ini
    file, options of comparisons may stand without it.
    """
    compare = _option("compare")
    if effective(config, compare).text == compare.default:
        for option in map(_option, COMPARISON_FIELDS[1:]):
            if config.getoption(option.ini) is not None:
                raise pytest.UsageError(
                    f"{option.flag}: has an effect only with {compare.flag}: add it, or leave this out"
                )
    if settings.compare is None:
        return
    if settings.nodes.count > 1:
        raise pytest.UsageError(f"{source(config)}: compares on one node, and this job has {settings.nodes.count}")
    if config.inipath is not None and config.inipath.resolve() != (ROOT / "pytest.ini").resolve():
        raise pytest.UsageError(
            f"{source(config)}: each run reads the pytest.ini of its own tree, and this pytest read {config.inipath}: "
            f"give -c {ROOT / 'pytest.ini'}, and options instead of another file"
        )
    if settings.light:
        light = effective(config, _option("light")).source
        raise pytest.UsageError(f"{light}: {source(config)} itself makes its later pairs light: leave it out")


def check_tests(config: pytest.Config, items: Iterable[pytest.Item], settings: Settings) -> None:
    """Raises pytest.UsageError if a selected test is not a speed case, before anything runs."""
    if settings.compare is None:
        return
    for item in items:
        measurement = measurement_of(item)
        if measurement is MEASUREMENTS["speed"]:
            continue
        kind = "no benchmark" if measurement is None else f"a {measurement.name} case"
        if any(each.name == COMPONENTS for each in item.iter_markers()):
            kind = "a component benchmark"
        raise pytest.UsageError(
            f"{source(config)}: compares speed cases, and {item.nodeid} is {kind}; select speed cases only, "
            "for example with -m speed"
        )


def options_for_runs(config: pytest.Config, settings: Settings) -> list[str]:
    """The options of this command for both sides: those that were given, and data, steps and seed of the ini file. All
    else of an ini file belongs to the code: each side has that of its own tree, and may have changed it.

    Raises:
        pytest.UsageError: if no option says the same to the runs.
    """
    words: list[str] = []
    for option in OPTIONS:
        text = effective(config, option).text
        from_ini = option.field in SAME_ON_BOTH_SIDES and text != option.default
        if option.field in NOT_FOR_RUNS or not (_is_given(config, option) or from_ini):
            continue
        if option.field in DATA_FIELDS:
            folder = getattr(settings, option.field)
            words += [option.flag, "synthetic" if folder is None else str(folder)]
        elif option.metavar:
            words += [option.flag, text]
        elif getattr(settings, option.field):
            words.append(option.flag)
        else:  # by -o alone
            raise pytest.UsageError(
                f"-o {option.ini}={text}: the runs read the pytest.ini of their trees, and no option turns "
                f"{option.flag} off: change it there"
            )
    return words


def _is_given(config: pytest.Config, option: Option) -> bool:
    """Whether the command line or PYTEST_ADDOPTS has an option, as its flag, as `-o KEY=VALUE`, or in a file (`@FILE`).
    `addopts` of the ini file belongs to the code, too.
    """
    keys = [text.partition("=")[0] for text in config.getoption("override_ini") or ()]
    if option.ini in keys:
        return True
    if config.getoption(option.ini) is None:
        return False
    of_code = [] if "addopts" in keys else config.getini("addopts")
    words = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]
    return _names(words, option) or not _names(of_code, option)


def _names(words: Iterable[str], option: Option) -> bool:
    return any(word == option.flag or word.startswith(f"{option.flag}=") for word in words)


def _option(field: str) -> Option:
    return next(option for option in OPTIONS if option.field == field)
