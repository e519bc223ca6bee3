"""The command that shows what the machine verdict says of known disturbances."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.components import quota_group
from benchmarks.components.calibrate_machine import HEADINGS, busy_processes, main, markdown, situations, stopped
from benchmarks.harness.controller.machine import procfs
from benchmarks.harness.protocol.control_groups import ControlGroups
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.machine_report import Freeze
from benchmarks.harness.results.speed import build
from benchmarks.harness.results.speed_artifact import SpeedArtifact
from samples import finished_run, machine_report


def artifact(seconds: float, **figures: object) -> SpeedArtifact:
    """Of 10 steps of 2 samples."""
    run = finished_run(seconds=(seconds,))
    run.machine = machine_report(observed_seconds=seconds + 1, **figures)
    return build(run, ROOT / "logs" / "x", ROOT)


def test_the_table_compares_each_situation_with_rest() -> None:
    freeze = Freeze(4.0, 4.0, 5, "rank 0 is stopped by SIGSTOP")
    rows = [
        *(("at rest", artifact(seconds)) for seconds in (2.0, 2.5, 5.0)),
        ("2 busy processes", artifact(10.0, foreign_cores=1.2)),
        ("ranks stopped", artifact(6.5, freeze=freeze)),
    ]
    heading, rule, *lines = markdown(rows)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert heading.count("|") == rule.count("|") == len(HEADINGS) + 1
    assert {len(row) for row in cells} == {len(HEADINGS)}
    assert [row[:3] for row in cells][3:] == [["2 busy processes", "2.00", "0.25"], ["ranks stopped", "3.08", "0.38"]]
    assert [row[-2:] for row in cells] == [["quiet", "ok"]] * 3 + [["disturbed", "ok"], ["disturbed", "failed"]]
    assert cells[4][-3] == "4.0 s"


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield psutil.Process(process.pid)
        process.kill()


def test_processes_are_stopped_and_resume(sleeper: psutil.Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: float) -> None:
        deadline = time.monotonic() + 10
        while sleeper.status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline

    monkeypatch.setattr(time, "sleep", wait)
    with stopped([sleeper]):
        assert sleeper.status() != psutil.STATUS_STOPPED


def test_busy_processes_end_with_their_block() -> None:
    with busy_processes(2):
        assert len(procfs.process_tree(psutil.Process().pid)) >= 3
    assert not [child for child in psutil.Process().children() if "while True" in " ".join(child.cmdline())]


def test_a_quota_lasts_for_its_block_and_leaves_no_group(sleeper: psutil.Process) -> None:
    try:
        with quota_group.quota_group([sleeper.pid], 0.5):
            assert ControlGroups.of(sleeper.pid).quota_cores() == 0.5
    except OSError:
        pytest.skip("a control group with a quota cannot be made here")
    assert ControlGroups.of(sleeper.pid).quota_cores() in (None, ControlGroups.of().quota_cores())
    parent, _ = quota_group._hierarchy()
    assert list(parent.glob("ocr-quota-*")) == []


def test_the_runs_at_rest_come_first() -> None:
    names = [each.name for each in situations([1, 4], rest=2)]
    assert names[:6] == ["at rest"] * 2 + [
        "1 busy processes",
        "4 busy processes",
        "all stopped, 4 s",
        "ranks stopped, 4 s",
    ]


@pytest.mark.parametrize("arguments", [["--case", "psenet_sp_bs8_fp32_1"], ["--case", "nonsense"], ["--steps", "x"]])
def test_wrong_arguments_end_it_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error: argument" in capsys.readouterr().err


def test_the_command_imports_no_torch() -> None:
    code = "import sys, benchmarks.components.calibrate_machine; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
