"""Which cases are run: by name, else the listed ones; and which tests run only if they are asked for."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from benchmarks.cases import CONVERGENCE, LARGEST_BATCH, MATRIX, Case, CaseError, parse_case
from benchmarks.harness.controller.gpus import missing_gpus
from benchmarks.harness.controller.option_table import OPTIONS
from benchmarks.harness.controller.options import effective, ini_file
from benchmarks.harness.controller.planning import image_size
from benchmarks.harness.controller.run_folder import unusable
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement, Parameters
from ocr_models import MODELS

MAX_PROCESSES = 256
"""On one machine: more than any has GPUs, and each takes a gigabyte of memory."""

COMPONENTS = "components"
"""Marker of the component benchmarks. They, too, run only if they are asked for."""


def opt_in_markers() -> frozenset[str]:
    """Markers of tests that run only if they are asked for."""
    return frozenset({COMPONENTS, *(each.name for each in MEASUREMENTS.values() if each.opt_in)})


def case_names(config: pytest.Config) -> list[str]:
    """The cases asked for by name; empty for the listed ones."""
    names: list[str] = config.getoption("--ocr-case") or config.getini("ocr_case")
    return names


def selected_cases(config: pytest.Config, listed: Sequence[Case] = MATRIX) -> tuple[Case, ...]:
    """The cases asked for by name, else the listed ones.

    Raises:
        pytest.UsageError: naming what is wrong with a name.
    """
    names = case_names(config)
    source = "--ocr-case" if config.getoption("--ocr-case") else f"{ini_file(config)}: ocr_case"
    try:
        return tuple(map(parse_case, dict.fromkeys(names))) or tuple(listed)
    except CaseError as error:
        raise pytest.UsageError(f"{source}: {error}") from None


def parametrize(metafunc: pytest.Metafunc, listed: Sequence[Case]) -> None:
    """A test per selected case, marked with the device it needs."""
    cases = selected_cases(metafunc.config, listed)
    marked = [pytest.param(case, id=str(case), marks=getattr(pytest.mark, case.marker)) for case in cases]
    metafunc.parametrize("case", marked)


def check_image_size(config: pytest.Config, settings: Settings) -> None:
    """Raises pytest.UsageError if a selected case's model does not accept the image size that was given."""
    if settings.image_size is None:
        return
    (option,) = (option for option in OPTIONS if option.field == "image_size")
    given = effective(config, option)
    for case in (*selected_cases(config), *((*CONVERGENCE, *LARGEST_BATCH) if not case_names(config) else ())):
        sizes, size = MODELS[case.model].image_sizes, image_size(case, settings, Parameters())
        if sizes is not None and size is not None and not sizes.accepts(size):
            raise pytest.UsageError(f"{given.source}: {given.text!r} is not {sizes.rule} ({case.model}), or auto")


def check_measurements(items: Iterable[pytest.Item], settings: Settings) -> None:
    """Raises pytest.UsageError if a measurement cannot be taken of a selected case, before anything runs."""
    for item in items:
        measurement, case = measurement_of(item), case_of(item)
        if measurement is not None and case is not None:
            try:
                measurement.parameters(case, settings)
            except CaseError as error:
                raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def check_compile_mode(config: pytest.Config, items: Iterable[pytest.Item], settings: Settings) -> None:
    """Raises pytest.UsageError if a selected case cannot be compiled in the mode that was given."""
    mode = settings.compile_mode
    if mode == "default":
        return
    (option,) = (option for option in OPTIONS if option.field == "compile_mode")
    source = effective(config, option).source
    for item in items:
        case = case_of(item)
        if measurement_of(item) is None or case is None:
            continue
        if not case.compile:
            raise pytest.UsageError(
                f"{source}: {mode!r} is for compiled cases, and {case} is not compiled; select compiled cases only, "
                "for example with -k compile"
            )
        if mode == "reduce-overhead" and case.device == "cpu":
            raise pytest.UsageError(f"{source}: {mode!r} means CUDA graphs, and {case} runs on the CPU")


def check_light(config: pytest.Config, items: Iterable[pytest.Item], settings: Settings) -> None:
    """Raises pytest.UsageError if light runs are wanted, and something that they leave out as well."""
    if not settings.light:
        return
    sources = {option.field: effective(config, option).source for option in OPTIONS}
    if settings.profile_loader:
        raise pytest.UsageError(f"{sources['light']}: leaves out what {sources['profile_loader']} asks for")
    for item in items:
        measurement = measurement_of(item)
        if measurement is not None and not measurement.light:
            raise pytest.UsageError(
                f"{sources['light']}: is for speed cases, and {item.nodeid} is a {measurement.name} case"
            )


def check_machine(items: Iterable[pytest.Item], settings: Settings) -> None:
    """Raises pytest.UsageError if this machine cannot run a selected case, before anything runs."""
    cases = {case: None for item in items if measurement_of(item) and (case := case_of(item)) is not None}
    nodes = settings.nodes.count
    runnable = [case for case in cases if missing_gpus(case, nodes) is None]
    for case in runnable:
        if (count := case.processes // nodes) > MAX_PROCESSES:
            raise pytest.UsageError(f"{case}: {count} processes on one machine are more than {MAX_PROCESSES}")
    reason = unusable(tempfile.gettempdir(), loader_processes=settings.loader_workers != 0)
    if runnable and reason is not None:
        raise pytest.UsageError(reason)


def measurement_of(item: pytest.Item) -> Measurement | None:
    """By the marker of the test."""
    names = [marker.name for marker in item.iter_markers() if marker.name in MEASUREMENTS]
    return MEASUREMENTS[names[0]] if names else None


def case_of(item: pytest.Item) -> Case | None:
    """The case that a test measures; None for other tests."""
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    return case if isinstance(case, Case) else None


def deselect_opt_in(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests with an opt-in marker that nobody asked for.

    They are asked for by their marker in -m or -k, by an argument under which nothing else is, or, with --lf, --ff or
    --sw, by having failed in the last run.
    """
    opt_in = opt_in_markers()
    markers = {item: opt_in & {marker.name for marker in item.iter_markers()} for item in items}
    words = set(re.findall(r"\w+", f"{config.option.markexpr} {config.option.keyword}"))
    paths = _opt_in_paths(config, items, markers)
    failed = _failed_before(config)
    removed = {
        item: None
        for item in items
        if markers[item]
        and not any(marker in word for marker in markers[item] for word in words)
        and not any(path == item.path or path in item.path.parents for path in paths)
        and item.nodeid not in failed
    }
    if removed:
        items[:] = [item for item in items if item not in removed]
        config.hook.pytest_deselected(items=list(removed))


def _opt_in_paths(
    config: pytest.Config, items: Sequence[pytest.Item], markers: dict[pytest.Item, frozenset[str]]
) -> list[Path]:
    """The arguments under which there are opt-in tests only."""
    base = config.invocation_params.dir
    given = {(base / argument.partition("::")[0]).resolve() for argument in config.args}
    return [
        path for path in given if all(markers[item] for item in items if path == item.path or path in item.path.parents)
    ]


def _failed_before(config: pytest.Config) -> frozenset[str]:
    """Tests that pytest's cache plugin wants to run again; empty unless it was asked to."""
    cache = getattr(config, "cache", None)
    option = config.option
    failed: set[str] = set()
    if cache is not None and (getattr(option, "lf", False) or getattr(option, "failedfirst", False)):
        failed |= set(cache.get("cache/lastfailed", {}))
    if cache is not None and getattr(option, "stepwise", False):
        stepwise = cache.get("cache/stepwise", None)
        last = stepwise.get("last_failed") if isinstance(stepwise, dict) else stepwise
        failed |= {last} if isinstance(last, str) else set()
    return frozenset(failed)


SECONDS_PER_CASE = 45
"""Rough duration of a speed case at the default settings, on a CPU or a GPU: set-up, steps, probes."""


def announcement(items: Sequence[pytest.Item], settings: Settings) -> list[str]:
    """What will run here and about how long that takes; nothing if no benchmark was selected."""
    cases: dict[str, list[Case]] = {}
    for item in items:
        measurement, case = measurement_of(item), case_of(item)
        if measurement is not None and case is not None and missing_gpus(case, settings.nodes.count) is None:
            cases.setdefault(measurement.name, []).append(case)
    lines = []
    for name, own in cases.items():
        if settings.compare is not None:
            lines.append(f"ocr: comparing {len(own)} {name} case{'s' if len(own) > 1 else ''}: {_listed(own)}")
            continue
        minutes = max(1, round(len(own) * SECONDS_PER_CASE / 60))
        duration = f", about {minutes} min" if name == "speed" and settings.steps is None else ""
        lines.append(f"ocr: running {len(own)} {name} case{'s' if len(own) > 1 else ''}{duration}: {_listed(own)}")
    return lines


def _listed(cases: Sequence[Case], most: int = 4) -> str:
    names = [str(case) for case in cases[:most]]
    return ", ".join([*names, *(["..."] if len(cases) > most else [])])
