"""The suite as a pytest plugin: options, markers, header, fixtures, progress, tables. The work is done in
benchmarks/harness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.harness.controller import comparing, header, options, selection
from benchmarks.harness.report import junit, pytest_benchmark
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.redaction import know_hosts

if TYPE_CHECKING:
    from benchmarks.compare.pytest_form import Comparisons
    from benchmarks.components.ratios import Ratio
    from benchmarks.harness.controller.launch import StepDisplay
    from benchmarks.harness.controller.session import BenchmarkSession
    from benchmarks.harness.protocol.run import Run
    from benchmarks.harness.protocol.settings import Settings

DEFAULT_REPORT = "fE"
"""Pytest's own value of -r."""

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
SESSION: pytest.StashKey[BenchmarkSession] = pytest.StashKey()
COMPARISONS: pytest.StashKey[Comparisons] = pytest.StashKey()
RATIOS: pytest.StashKey[list[Ratio]] = pytest.StashKey()
PAGE: pytest.StashKey[str] = pytest.StashKey()
"""The line about report.html."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    options.add_options(parser)
    if not pluginmanager.has_plugin("junitxml"):  # -p no:junitxml; pytest.ini, which is strict, has its key
        parser.addini("junit_family", "not used")


def pytest_configure(config: pytest.Config) -> None:
    for measurement in MEASUREMENTS.values():
        config.addinivalue_line("markers", f"{measurement.name}: {measurement.help}")
    if getattr(config.option, "dist", "no") != "no" or "PYTEST_XDIST_WORKER" in os.environ:
        raise pytest.UsageError("-n/--dist: under xdist the cases would disturb each other's timing; run without it")
    if not config.pluginmanager.has_plugin("benchmark"):
        raise pytest.UsageError(
            "pytest-benchmark, which the speed cases need, is not loaded: install it, and do not use -p no:benchmark"
        )
    if not config.pluginmanager.has_plugin("skipping"):  # -p no:skipping; pytest-benchmark uses its marker
        config.addinivalue_line("markers", "skip: not used")
    # Skipped cases are listed with their reasons. In pytest.ini, -rs would be an error under -p no:terminal.
    if getattr(config.option, "reportchars", None) == DEFAULT_REPORT:
        config.option.reportchars = "s"
    settings = config.stash[SETTINGS] = options.read_settings(config)
    know_hosts([settings.nodes.endpoint])
    selection.selected_cases(config)  # a wrong name is reported now, before anything starts
    selection.check_image_size(config, settings)
    comparing.check_options(config, settings)
    if settings.compare is not None:
        _check_side(config, settings.compare)


def _check_side(config: pytest.Config, text: str) -> None:
    """Raises pytest.UsageError for a text that is no side of a comparison."""
    from benchmarks.compare.errors import SideError
    from benchmarks.compare.sides.side import parse_side

    try:
        parse_side([text])
    except SideError as error:
        raise pytest.UsageError(f"{comparing.source(config)}: {error}") from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selection.deselect_opt_in(config, items)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return header.header(config, config.stash[SETTINGS])


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Report what will run, and refuse what cannot, before the first case starts."""
    config = session.config
    selection.check_measurements(session.items, config.stash[SETTINGS])
    selection.check_compile_mode(config, session.items, config.stash[SETTINGS])
    selection.check_light(config, session.items, config.stash[SETTINGS])
    comparing.check_tests(config, session.items, config.stash[SETTINGS])
    if not config.option.collectonly and not session.testsfailed:
        selection.check_machine(session.items, config.stash[SETTINGS])
        for line in selection.announcement(session.items, config.stash[SETTINGS]):
            _say(config, line)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[Any]:
    """With --ocr-compare, both sides are open as long as tests run."""
    config = session.config
    settings = config.stash[SETTINGS]
    if settings.compare is None or config.option.collectonly or session.testsfailed:
        return (yield)
    from benchmarks.compare.pytest_form import comparisons

    cases = [case for item in session.items if (case := selection.case_of(item)) is not None]
    shared = comparing.options_for_runs(config, settings)
    with comparisons(settings, cases, shared, comparing.source(config), lambda line: _say(config, line)) as made:
        config.stash[COMPARISONS] = made
        return (yield)


@pytest.fixture(scope="session")
def ocr_comparisons(pytestconfig: pytest.Config) -> Comparisons | None:
    """Judges cases by comparison; None without --ocr-compare."""
    made = pytestconfig.stash.get(COMPARISONS, None)
    if made is None and pytestconfig.stash[SETTINGS].compare is not None:
        source = comparing.source(pytestconfig)
        pytest.fail(f"{source}: nothing is compared, as not all tests could be collected", pytrace=False)
    return made


@pytest.fixture(scope="session")
def ocr_session(pytestconfig: pytest.Config) -> Iterator[BenchmarkSession]:
    """Measures cases into the output folder, which it holds for this run."""
    from benchmarks.harness.controller.output import OutputInUseError, claimed
    from benchmarks.harness.controller.session import BenchmarkSession

    settings = pytestconfig.stash[SETTINGS]
    session = pytestconfig.stash[SESSION] = BenchmarkSession(
        settings, open_display=lambda run: _display(pytestconfig, run), say=lambda line: _say(pytestconfig, line)
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
    """The effective settings."""
    return pytestconfig.stash[SETTINGS]


@pytest.fixture(scope="session")
def ratios(pytestconfig: pytest.Config) -> list[Ratio]:
    """Component benchmarks append their ratios for the table at the end."""
    return pytestconfig.stash.setdefault(RATIOS, [])


@contextmanager
def _display(config: pytest.Config, run: Run) -> Iterator[StepDisplay]:
    """On a terminal a moving line, in spite of pytest's capture; elsewhere nothing until the case has ended."""
    from benchmarks.harness.report.progress import NoDisplay, TerminalDisplay

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        yield NoDisplay()
        return
    with _capture_suspended(config):
        reporter.ensure_newline()
        with TerminalDisplay(run) as display:
            yield display


def _capture_suspended(config: pytest.Config) -> AbstractContextManager[Any]:
    capture = config.pluginmanager.get_plugin("capturemanager")
    return nullcontext() if capture is None else capture.global_and_fixture_disabled()


def _say(config: pytest.Config, line: str) -> None:
    """Print a line of its own among pytest's dots."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    with _capture_suspended(config):
        reporter.ensure_newline()
        reporter.write_line(line)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = config.stash.get(SESSION, None)
    if session is not None and session.results:
        from benchmarks.harness.report.summary import data_remarks, summary_tables, time_spent

        for title, lines in summary_tables(session.rows, config.invocation_params.dir):
            _write_section(terminalreporter, title, lines)
        if (line := time_spent(session.rows)) is not None:
            terminalreporter.write_line(line)
        if remarks := data_remarks(session.rows):
            _write_section(terminalreporter, "remarks about the data", remarks)
    comparisons = config.stash.get(COMPARISONS, None)
    if comparisons is not None and (lines := comparisons.lines):
        _write_section(terminalreporter, "comparisons", lines)
    if ratios := config.stash.get(RATIOS, []):
        from benchmarks.components.ratios import ratio_table

        _write_section(terminalreporter, "components", ratio_table(ratios))
    if (line := config.stash.get(PAGE, None)) is not None:
        terminalreporter.write_line(line)


def _write_section(terminalreporter: Any, title: str, lines: list[str]) -> None:
    terminalreporter.section(title)
    for line in lines:
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """The page before the tables at the end, and the rest after pytest has written the file of --junitxml."""
    _write_page(session.config)
    yield
    if path := session.config.getoption("xmlpath", None):
        junit.redact_file(Path(os.path.expandvars(path)).expanduser())


def _write_page(config: pytest.Config) -> None:
    """Best effort: what the session measured or compared is in its files, and the page is made of them."""
    settings = config.stash.get(SETTINGS, None)
    if settings is None or settings.no_report or settings.light or settings.nodes.rank != 0:
        return
    session, compared = config.stash.get(SESSION, None), config.stash.get(COMPARISONS, None)
    if (session is None or not session.results) and (compared is None or not compared.documents):
        return
    from benchmarks.harness.report.page.writing import page_line

    config.stash[PAGE] = page_line(settings.output, config.invocation_params.dir)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    pytest_benchmark.remove_names(machine_info, "node")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    pytest_benchmark.remove_names(commit_info, "project", "branch", "error")


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    pytest_benchmark.redact_benchmarks(output_json)
