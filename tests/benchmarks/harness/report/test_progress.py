from __future__ import annotations

import pytest

from benchmarks.harness.report.progress import NoDisplay, TerminalDisplay
from samples import planned_run, step_record


def test_a_terminal_shows_step_rate_and_remaining_time_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalDisplay(planned_run(steps=10, warmup_steps=2)) as display:
        display._bar.mininterval = 0
        display.step(step_record(1, warmup=True, seconds=0.5))
        display.step(step_record(2, seconds=0.25))
    shown = capsys.readouterr().err
    assert "\n" not in shown
    frames = shown.split("\r")
    assert any("psenet_sp_bs2_fp32_cpu1: setting up, step 0/12" in frame for frame in frames)
    assert any("psenet_sp_bs2_fp32_cpu1: warm-up, 4.00 samples/s, step 1/12" in frame for frame in frames)
    assert any("psenet_sp_bs2_fp32_cpu1: 8.00 samples/s, step 2/12" in frame for frame in frames)
    assert frames[-1].strip() == ""  # the line is erased


def test_a_resumed_training_is_shown_at_its_step(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalDisplay(planned_run(steps=60, warmup_steps=0)) as display:
        display._bar.mininterval = 0
        display.step(step_record(41))
    assert "step 41/60" in capsys.readouterr().err


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    NoDisplay().step(step_record())
    assert capsys.readouterr() == ("", "")
