"""Runs of a side: a real pytest in a real checkout, whose suite keeps the contract and nothing else."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.compare.document import RunFigures
from benchmarks.compare.runs import running
from benchmarks.compare.runs.running import guard_seconds, run, timeout_elsewhere
from benchmarks.compare.sides.open_side import OpenSide, opened
from benchmarks.compare.sides.side import parse_side
from benchmarks.harness.controller import commands, processes
from benchmarks.harness.controller.commands import Ended, Interruption
from small_suite import CASE, commit, git, make_suite
from suite import ROOT, SUPPORT
from waiting import until

Open = Callable[..., OpenSide]

exhaustive = partial(pytest.param, marks=pytest.mark.exhaustive)


@pytest.fixture
def open_side(checkout: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens sides of the checkout, as long as the test lasts."""
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    with ExitStack() as stack:

        def make(*texts: str, tree: Path = checkout) -> OpenSide:
            return stack.enter_context(opened(parse_side(texts), checkout=tree))

        yield make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "comparisons" / "a.runs" / "1_head"


def note(folder: Path) -> dict[str, Any]:
    """What the run saw."""
    found: dict[str, Any] = json.loads((folder / "note.json").read_text())
    return found


def test_a_run_gives_its_figures_and_keeps_its_log(open_side: Open, folder: Path) -> None:
    found = run(open_side(), CASE, folder)
    assert (found.samples_per_second, found.failure, found.light) == (2.0, None, False)
    assert found.artifact == "a.runs/1_head/index/ocr_PSENet_sp_bs2_fp32_cpu1_speed"
    assert (folder.parents[1] / found.artifact).is_file()
    assert found.command_seconds > 0
    assert "1 passed" in (folder / "pytest.log").read_text()


def test_each_side_runs_its_own_code_whatever_else_is_installed(
    open_side: Open, checkout: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a checkout that is installed in editable mode, or named by PYTHONPATH."""
    monkeypatch.setenv("PYTHONPATH", str(make_suite(tmp_path / "another", rate=9.0)))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    make_suite(checkout, rate=3.0)
    new = commit(checkout)
    (checkout / "benchmarks" / "rate.py").write_text("RATE = 4.0\n")
    rates = [run(open_side(each), CASE, folder).samples_per_second for each in ("rev:main~1", f"rev:{new}", ".")]
    assert rates == [2.0, 3.0, 4.0]


def test_options_and_variables_of_both_sides_reach_the_run(open_side: Open, folder: Path) -> None:
    side = open_side("options:--ocr-timeout 77", "environ:A=x y")
    run(side, CASE, folder, options=["--ocr-seed", "3"])
    found = note(folder)
    assert found["variables"]["A"] == "x y"
    arguments = " ".join(found["arguments"][1:])
    assert arguments.startswith(f"benchmarks --ocr-seed 3 --ocr-timeout 77 --ocr-case {CASE} --ocr-output={folder} ")


def test_a_side_may_have_its_own_case(open_side: Open, folder: Path) -> None:
    run(open_side("case:psenet_sp_bs4_fp32_cpu1"), CASE, folder)
    assert "psenet_sp_bs4_fp32_cpu1" in note(folder)["arguments"]


def test_a_light_run_is_asked_only_of_a_suite_that_knows_it(
    open_side: Open, folder: Path, tmp_path: Path, checkout: Path
) -> None:
    assert not run(open_side(), CASE, folder, light=True).light
    make_suite(checkout, light=True)
    commit(checkout)
    assert run(open_side(), CASE, folder, light=True).light
    assert not run(open_side(), CASE, folder).light


def test_a_run_replaces_what_an_interrupted_one_left(open_side: Open, folder: Path) -> None:
    assert run(open_side(), CASE, folder).failure is None
    found = run(open_side("environ:ACT=skip"), CASE, folder)
    assert found.failure == "the case was skipped: needs 1 CUDA GPU, found 0"
    assert found.artifact == "a.runs/1_head/pytest.log"


@pytest.mark.parametrize(
    ("act", "failure"),
    [
        ("skip", "the case was skipped: needs 1 CUDA GPU, found 0"),
        ("fail", "disturbed: step 3 was held up"),
        ("late", "the artifact is good, but pytest exit code 1: AssertionError: the verdict of the test"),
        exhaustive("assert", "pytest exit code 1: AssertionError: no rate today"),
        ("kill", "pytest was ended by signal 9: "),
        exhaustive("crash", "pytest was ended by signal 11: Segmentation fault"),
        ("none", "pytest left no files index/*_speed instead of one: 1 passed in "),
        exhaustive("two", "pytest left 2 files index/*_speed instead of one: 1 passed in "),
    ],
)
def test_a_failed_run_names_its_cause(open_side: Open, folder: Path, act: str, failure: str) -> None:
    found = run(open_side(f"environ:ACT={act}"), CASE, folder)
    assert found.failure is not None
    assert found.failure.startswith(failure)
    assert (found.samples_per_second, found.cpu_seconds_per_sample) == (None, None)


def test_an_option_that_the_suite_does_not_know_is_named(open_side: Open, folder: Path) -> None:
    found = run(open_side(), CASE, folder, options=["--ocr-new", "3"])
    assert found.failure == "pytest exit code 4: unrecognized arguments: --ocr-new 3"


def test_a_test_that_cannot_be_collected_is_named(open_side: Open, checkout: Path, folder: Path) -> None:
    side = open_side()
    (checkout / "benchmarks" / "rate.py").unlink()
    found = run(side, CASE, folder)
    assert found.failure == "pytest exit code 2: ModuleNotFoundError: No module named 'benchmarks.rate'"


def test_figures_of_another_commit_are_not_taken(open_side: Open, checkout: Path, folder: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    found = run(open_side("rev:main", f"environ:COMMIT={'0' * 40}"), CASE, folder)
    assert found.samples_per_second is None
    assert found.failure is not None
    assert found.failure.startswith(f"commit 0000000 was measured instead of {head[:7]}: the interpreter imported")


def test_a_run_that_hangs_is_ended(open_side: Open, folder: Path) -> None:
    found = run(open_side("environ:ACT=hang"), CASE, folder, timeout_seconds=3)
    assert found.failure == "timeout: pytest was ended after 3 s"
    assert not psutil.pid_exists(note(folder)["pid"])


def test_the_guard_is_longer_than_the_time_limit_of_the_case() -> None:
    assert guard_seconds([]) == 1200
    assert guard_seconds(["--ocr-timeout", "3600"]) == 3900
    assert guard_seconds(["--ocr-timeout=long"]) == 1200


@pytest.mark.parametrize(
    ("addopts", "ini", "expected"),
    [
        ("", "", "900"),
        ("", "ocr_timeout = 3600\n", "3600"),
        ("", "addopts = -v --ocr-timeout=50\nocr_timeout = 3600\n", "50"),
        ("--ocr-timeout 70", "addopts = --ocr-timeout=50\n", "70"),
        ("'", "addopts\n", "900"),
    ],
)
def test_the_time_limit_of_the_case_is_known_wherever_it_is_given(
    open_side: Open, checkout: Path, addopts: str, ini: str, expected: str
) -> None:
    side = open_side()
    side.environment["PYTEST_ADDOPTS"] = addopts
    (checkout / "pytest.ini").write_text(f"[pytest]\n{ini}")
    assert timeout_elsewhere(side) == expected


def test_every_run_gets_its_time_limit(open_side: Open, folder: Path) -> None:
    run(open_side(), CASE, folder)
    assert "--ocr-timeout 900" in " ".join(note(folder)["arguments"])


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"case": "psenet_sp_bs4_fp32_cpu1"}, f"another case was measured: psenet_sp_bs4_fp32_cpu1 instead of {CASE}"),
        exhaustive({"seed": 4}, "another seed was measured: 4 instead of 3"),
        exhaustive({"source": "light_run"}, "measured without the probes instead of with them: take --ocr-light out"),
    ],
)
def test_a_run_of_something_else_than_what_was_asked_for_has_failed(
    open_side: Open, folder: Path, changes: dict[str, object], failure: str
) -> None:
    found = run(open_side(f"environ:DETAILS={json.dumps(changes)}"), CASE, folder, options=["--ocr-seed", "3"])
    assert found.failure is not None
    assert found.failure.startswith(failure)
    assert found.samples_per_second is None


def test_a_commit_during_a_run_is_named(open_side: Open, checkout: Path, folder: Path) -> None:
    side, before = open_side(), git(checkout, "rev-parse", "HEAD")
    (checkout / "new.txt").touch()
    after = commit(checkout)
    expected = f"HEAD moved from {before[:7]} to {after[:7]} while it was measured; commit in another checkout"
    assert run(side, CASE, folder).failure == expected


def test_a_run_that_was_complete_when_the_interruption_came_counts(
    open_side: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interruption, real = Interruption(), commands.run_command

    def run_command(*arguments: Any, **keywords: Any) -> Ended:
        ended = real(*arguments, **keywords)
        interruption.note()
        return ended

    monkeypatch.setattr(running, "run_command", run_command)
    assert run(open_side(), CASE, folder, interruption=interruption).samples_per_second == 2.0
    interruption.came = False
    with pytest.raises(KeyboardInterrupt):
        run(open_side("environ:ACT=fail"), CASE, folder, interruption=interruption)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, exhaustive(signal.SIGTERM)])
def test_an_interruption_ends_the_run_and_is_passed_on(open_side: Open, folder: Path, number: signal.Signals) -> None:
    def interrupt() -> None:
        until((folder / "note.json").exists)
        os.kill(os.getpid(), number)

    side = open_side("environ:ACT=hang")
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(side, CASE, folder)
    thread.join()
    assert not psutil.pid_exists(note(folder)["pid"])
    assert "KeyboardInterrupt" in (folder / "pytest.log").read_text()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_comparison(open_side: Open, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run(open_side(), CASE, tmp_path / "file" / "1_head")


def test_a_pytest_that_cannot_be_started_is_a_failed_run(
    open_side: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = open_side()
    monkeypatch.setattr(type(side), "__setattr__", object.__setattr__)
    side.python = Path("/nowhere/python")  # type: ignore[misc]
    assert run(side, CASE, folder).failure == "pytest cannot be started: No such file or directory"


def test_the_log_is_redacted(open_side: Open, folder: Path, checkout: Path) -> None:
    (checkout / "benchmarks" / "rate.py").write_text("raise OSError('no route to 10.1.2.3:22')\n")
    found = run(open_side(), CASE, folder)
    assert found.failure is not None
    assert "10.1.2.3" not in found.failure + (folder / "pytest.log").read_text()


@pytest.mark.exhaustive
def test_the_real_suite_is_read_in_full(tmp_path: Path, image_folder: Path) -> None:
    """A real case of the tests' small model, in this checkout: its artifact has all that a comparison uses."""
    texts = [f"environ:PYTHONPATH={SUPPORT}", "environ:TINY_FAULT=noise@3"]
    options = ["--ocr-data", str(image_folder), "--ocr-steps", "20", "--ocr-warmup", "2", "--ocr-image-size", "64"]
    with opened(parse_side(texts), checkout=ROOT, output=tmp_path) as side:
        found: RunFigures = run(side, "tiny_sp_bs2_fp32_cpu1", tmp_path / "a.runs" / "1", options=options)
        side.check_unchanged()
    assert found.failure is None
    assert found.samples_per_second is not None
    assert found.machine in ("quiet", "disturbed")
    assert found.threads is not None
    assert found.cpu_seconds_per_sample is not None
    assert found.run_id is not None
    assert running.artifact_of(tmp_path / "a.runs" / "1") is not None
