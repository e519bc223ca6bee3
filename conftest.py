"""The suite's face in pytest: options, header, progress, summary. What they do is in benchmarks/harness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.harness import options

if TYPE_CHECKING:
    from benchmarks.harness.comparison import Comparison
    from benchmarks.harness.launch import Progress, Run
    from benchmarks.harness.session import Session
    from benchmarks.harness.settings import Settings

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
SESSION: pytest.StashKey[Session] = pytest.StashKey()
COMPARISONS: pytest.StashKey[list[Comparison]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "dist", "no") != "no" or "PYTEST_XDIST_WORKER" in os.environ:
        raise pytest.UsageError("-n/--dist: under xdist the cases would disturb each other's timing; run without it")
    config.stash[SETTINGS] = options.read_settings(config)
    options.selected_cases(config)  # a wrong name is told now, before anything starts


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Convergence cases, which take long, run where they are asked for: by marker, keyword or file. Cases asked for by
    name bring no component benchmarks along."""
    unasked = set()
    paths = (Path(argument.partition("::")[0]).name + argument.partition("::")[2] for argument in config.args)
    if not any("convergence" in asked for asked in (config.option.markexpr, config.option.keyword, *paths)):
        unasked.add("convergence")
    if options.case_names(config):
        unasked.add("components")
    deselected = [item for item in items if unasked & {marker.name for marker in item.iter_markers()}]
    items[:] = [item for item in items if item not in deselected]
    config.hook.pytest_deselected(items=deselected)


def pytest_report_header(config: pytest.Config) -> str:
    return options.header(config, config.stash[SETTINGS])


@pytest.fixture(scope="session")
def ocr_session(pytestconfig: pytest.Config) -> Iterator[Session]:
    """Measures cases into the output folder, which it holds for this run."""
    from benchmarks.harness.output import OutputInUseError, claimed
    from benchmarks.harness.session import Session

    settings = pytestconfig.stash[SETTINGS]
    session = pytestconfig.stash[SESSION] = Session(
        settings, open_progress=lambda run: _progress(pytestconfig, run), say=lambda line: _say(pytestconfig, line)
    )
    try:
        with claimed(settings.output) if settings.nodes.rank == 0 else nullcontext():
            yield session
    except OutputInUseError as error:
        pytest.exit(f"--ocr-output: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    except OSError as error:
        pytest.fail(f"--ocr-output: {settings.output} cannot be written: {error.strerror}", pytrace=False)


@pytest.fixture(scope="session")
def ocr_settings(pytestconfig: pytest.Config) -> Settings:
    """The options in force."""
    return pytestconfig.stash[SETTINGS]


@pytest.fixture(scope="session")
def comparisons(pytestconfig: pytest.Config) -> list[Comparison]:
    """Where component benchmarks put their ratios, for the table at the end."""
    return pytestconfig.stash.setdefault(COMPARISONS, [])


@contextmanager
def _progress(config: pytest.Config, run: Run) -> Iterator[Progress]:
    """A moving line on a terminal, past pytest's capture; elsewhere nothing until the case has ended."""
    from benchmarks.harness.progress import NoProgress, TerminalProgress

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        yield NoProgress()
        return
    with _past_capture(config):
        reporter.ensure_newline()
        with TerminalProgress(run) as progress:
            yield progress


def _past_capture(config: pytest.Config) -> AbstractContextManager[Any]:
    capture = config.pluginmanager.get_plugin("capturemanager")
    return nullcontext() if capture is None else capture.global_and_fixture_disabled()


def _say(config: pytest.Config, line: str) -> None:
    """A line of its own among pytest's dots."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    with _past_capture(config):
        reporter.ensure_newline()
        reporter.write_line(line)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = config.stash.get(SESSION, None)
    if session is not None and session.measurements:
        from benchmarks.harness.progress import summary_tables

        rows = [(measurement.document, measurement.path) for measurement in session.measurements]
        for title, lines in summary_tables(rows, config.invocation_params.dir):
            _write_section(terminalreporter, title, lines)
    if comparisons := config.stash.get(COMPARISONS, []):
        from benchmarks.harness.comparison import comparison_table

        _write_section(terminalreporter, "components", comparison_table(comparisons))


def _write_section(terminalreporter: Any, title: str, lines: list[str]) -> None:
    terminalreporter.section(title)
    for line in lines:
        terminalreporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """The host's name is nobody's business but its owner's."""
    machine_info.pop("node", None)
