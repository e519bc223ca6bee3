from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import analysis_log
from benchmarks.harness.results import store
from suite import ROOT
from train_logs import Analyse, failure_kind, lines


@pytest.mark.parametrize(("flag", "code"), [("1", 1), ("2", 1), ("yes", 1), ("0", 0), ("", 0), (None, 0)])
def test_a_job_that_reports_its_failure_has_failed(
    analyse: Analyse, monkeypatch: pytest.MonkeyPatch, flag: str | None, code: int
) -> None:
    if flag is not None:
        monkeypatch.setenv("job_fail_flag", flag)
    found, document = analyse(lines([2.0]))
    assert found == code
    if code:
        assert failure_kind(document) == "job_failed"


def test_the_path_of_the_log_is_relative_to_the_current_folder_or_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here" / "logs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(analysis_log, "redact", lambda text: text.replace("away", "<user>"))

    def log_file(argument: object) -> str:
        analysis_log.main(["--filename", str(argument), "--keyword", "ips:"])
        found: str = json.loads(capsys.readouterr().out)["log_file"]
        return found

    assert log_file("logs/a.log") == "logs/a.log"
    assert log_file(Path.cwd() / "logs" / "a.log") == "logs/a.log"
    assert log_file("../b.log") == "../b.log"
    assert log_file("/srv/away/b.log") == "/srv/<user>/b.log"


def test_the_output_file_has_what_is_printed(analyse: Analyse, tmp_path: Path) -> None:
    _, document = analyse(lines([2.0]), "--output", tmp_path / "index" / "a_speed")
    assert store.read(tmp_path / "index" / "a_speed") == document
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["a_speed"]


def test_an_output_that_cannot_be_written_is_reported_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.log").write_text(lines([2.0]))
    assert analysis_log.main(["--filename", "train.log", "--keyword", "ips:", "--output", "train.log/a_speed"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["FINAL_RESULT"] == 2
    assert "--output train.log/a_speed cannot be written" in output.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--model_mode 5", "--model_mode"),
        ("--model_mode fast", "--model_mode"),
        ("--skip_steps -1", "--skip_steps"),
        ("--skip_steps 1.5", "--skip_steps"),
        ("--base_batch_size 0", "--base_batch_size"),
        ("--gpu_num -1", "--gpu_num"),
        ("--range 1:2:3", "--range: '1:2:3' is neither N nor A:B"),
        ("--range x", "--range"),
        ("--position x", "--position"),
        ("--run_mode dp", "--run_mode"),
        ("--direction_id 3", "--direction_id"),
        ("--index 4", "--index"),
        ("--ips_unit images", "--ips_unit"),
        ("--ips_unit samples/min", "--ips_unit: 'samples/min': the result is per second"),
        ("--ips_unit ksamples/s", "--ips_unit: 'ksamples/s': the result is per second"),
        ("--record_unit m", "--record_unit: 'm' is no known unit"),
        ("--record_unit=", "--record_unit"),
        ("--exclude=", "--exclude"),
        (f"--base_batch_size {'1' * 400}", "--base_batch_size: a number of 400 digits is too large"),
        (f"--gpu_num {'1' * 5000}", "--gpu_num: a number of 5000 digits is too large"),
        ("--rate_scope all", "--rate_scope"),
        ("--keyword=", "--keyword"),
        ("--model_name=", "--model_name"),
        ("--mission_name=", "--mission_name"),
        ("--unknown 1", "--unknown"),
    ],
)
def test_wrong_use_exits_with_2_and_names_the_option(
    capsys: pytest.CaptureFixture[str], options: str, named: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        analysis_log.main(["--filename", "x", "--keyword", "ips:", *options.split()])
    assert ended.value.code == 2
    assert re.search(rf"error: .*{named}", capsys.readouterr().err)


@pytest.mark.parametrize("missing", ["--filename", "--keyword"])
def test_log_and_keyword_must_be_given(capsys: pytest.CaptureFixture[str], missing: str) -> None:
    arguments = {"--filename": "x", "--keyword": "ips:"}
    del arguments[missing]
    with pytest.raises(SystemExit) as ended:
        analysis_log.main([word for pair in arguments.items() for word in pair])
    assert ended.value.code == 2
    assert missing in capsys.readouterr().err


def test_the_command_prints_nothing_but_the_json_to_standard_output(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(lines([2.0, "none"]))
    command = [sys.executable, "-m", "benchmarks.analysis_log", "--filename", str(log), "--keyword", "ips:"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout)["FINAL_RESULT"] == 2
    assert "no number" in done.stderr
