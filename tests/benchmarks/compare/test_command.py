"""What the command prints and leaves."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import command, files
from benchmarks.compare.command import exit_code, main
from benchmarks.compare.document import CaseComparison
from benchmarks.harness.controller.output import claimed
from benchmarks.harness.results.reading import DocumentError
from benchmarks.harness.results.redaction import redact
from compared import case, comparison, verdict
from fake_comparisons import CASE, OTHER_CASE, FakeRuns, arguments
from suite import ROOT


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    made = FakeRuns()
    made.replace(monkeypatch)
    return made


def of(word: str, **changed: object) -> CaseComparison:
    return case(verdict=verdict(word), **changed)


@pytest.mark.parametrize(
    ("cases", "code", "strict_code"),
    [
        ([of("no slower")], 0, 0),
        ([of("faster")], 0, 0),
        ([of("cannot tell")], 0, 1),
        ([of("slower")], 1, 1),
        ([of("failed")], 1, 1),
        ([of("faster"), of("slower")], 1, 1),
        ([of("faster"), of("cannot tell")], 0, 1),
        ([of("cannot tell", stopped_by="interrupted", finished=False)], 130, 130),
        ([of("slower"), of("cannot tell", stopped_by="interrupted", finished=False)], 130, 130),
    ],
)
def test_exit_codes(cases: list[CaseComparison], code: int, strict_code: int) -> None:
    done = comparison(*cases)
    assert (exit_code(done, strict=False), exit_code(done, strict=True)) == (code, strict_code)


def test_a_reader_of_the_output_alone_knows_what_how_much_and_how_sure(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.head, fakes.versions = 9.0, {"working tree": {"torch": "2.13"}, "environ:A=1": {"torch": "2.14"}}
    main(arguments(tmp_path, "--head", "environ:A=1", "--max-slowdown", "2%"))
    lines = capsys.readouterr().out.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("pair 1/"))
    before, pairs, after = "\n".join(lines[:first]), lines[first : first + 5], "\n".join(lines[first + 5 :])
    assert redact(f"document:   {tmp_path}/comparisons/test.json") in before
    for text in (CASE, "working tree", "environ:A=1", "--ocr-steps 10", "up to 2 % fewer", "torch: 2.13 -> 2.14"):
        assert text in before
    assert (
        "judged by the whole interval after 5, 8 and 12 pairs; the verdict is wrong with a probability of 5 % at most"
        in before
    )
    assert all(line.startswith(f"pair {number}/12: base ") for number, line in enumerate(pairs, start=1))
    assert "; 1 min used, judged in 4 min, up to 11 min left" in pairs[0]
    assert "; so far -10" in pairs[2]
    assert "; judged: slower; " in pairs[4]
    for text in (
        "slower",
        "head is 10.0 % slower than base",
        "rests on: samples per second",
        "-10.0 % (-10.",
        "exit code 1: slower",
    ):
        assert text in after


def test_sides_that_are_one_program_are_said_to_measure_the_noise(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(tmp_path, "--head", "."))
    assert "both sides are the same program: this measures the noise" in capsys.readouterr().out
    main(arguments(tmp_path, "--head", "environ:A=1"))
    assert "the same program" not in capsys.readouterr().out


def test_the_markdown_on_standard_output_is_alone_there(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(tmp_path, "--markdown"))
    printed = capsys.readouterr()
    assert printed.out.startswith("## working tree compared with working tree: no slower than 3 %\n")
    assert "pair 5/12" in printed.err
    assert "pair 5/12" not in printed.out


def test_a_markdown_file_is_replaced_but_the_summary_of_a_job_is_continued(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, summary = tmp_path / "page.md", tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for path in (page, summary):
        path.write_text("earlier\n")
        main(arguments(tmp_path, "--markdown", str(path)))
    assert page.read_text().startswith("## ")
    assert summary.read_text().startswith("earlier\n## ")


def test_a_markdown_file_that_cannot_be_written_costs_no_result(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path, "--markdown", "/dev/full")) == 1
    out = capsys.readouterr().out
    assert "no slower than 3 %" in out
    assert out.splitlines()[-1] == "--markdown: /dev/full cannot be written: No space left on device"


def test_a_document_that_cannot_be_written_ends_the_comparison_in_one_line(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = files.write

    def write(path: Path, done: object) -> None:
        if len(fakes.calls) == 4:
            raise OSError(28, "No space left on device", str(path))
        real(path, done)  # type: ignore[arg-type]

    monkeypatch.setattr("benchmarks.compare.comparison.write", write)
    assert main(arguments(tmp_path)) == 1
    line = f"{tmp_path}/comparisons/test.json cannot be written: No space left on device"
    more = "; what was measured is in the document, and --resume continues"
    assert capsys.readouterr().out.splitlines()[-1] == f"{redact(line)}{more}"
    assert fakes.opened_now == 0
    monkeypatch.undo()
    fakes.replace(monkeypatch)
    assert main(arguments(tmp_path, "--resume")) == 0


def test_two_comparisons_in_one_folder_are_refused(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with claimed(tmp_path / "comparisons"), pytest.raises(SystemExit) as ended:
        main(arguments(tmp_path))
    assert ended.value.code == 2
    assert "argument --output: another comparison writes to " in capsys.readouterr().err
    assert not fakes.calls


def test_a_reader_that_has_gone_costs_no_measurement(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:  # closing it fails, too
        monkeypatch.setattr(sys, "stdout", full)
        assert main(arguments(tmp_path)) == 0
        monkeypatch.undo()
    assert files.read(tmp_path / "comparisons" / "test.json").finished


def test_a_reader_of_the_process_that_has_gone_changes_no_exit_code() -> None:
    main_that_prints = "command.main = lambda: command.Output(sys.stdout).say() or 0"
    program = f"import sys; from benchmarks.compare import command; {main_that_prints}; sys.exit(command.command())"
    printing = [sys.executable, "-c", program]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(printing, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_private_is_in_the_markdown(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(tmp_path, "--head", "environ:A=10.1.2.3", "--max-pairs", "2", "--markdown"))
    out = capsys.readouterr().out
    assert "environ:A=" in out
    assert "10.1.2.3" not in out


def test_nothing_private_and_no_control_character_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    command.Output(sys.stdout).say("from 10.1.2.3 \x1b[31mred")
    out = capsys.readouterr().out
    assert "10.1.2.3" not in out
    assert "\x1b" not in out


def test_the_default_name_tells_comparisons_apart(fakes: FakeRuns, tmp_path: Path) -> None:
    for head in ("environ:A=1", "environ:A=2"):
        main(["--base", ".", "--head", head, "--case", CASE, "--max-pairs", "2", "--output", str(tmp_path)])
    main(["--base", ".", "--case", CASE, OTHER_CASE, "--max-pairs", "2", "--output", str(tmp_path)])
    assert len(list((tmp_path / "comparisons").glob("*.json"))) == 3


@pytest.mark.usefixtures("default_signals")
def test_ctrl_c_while_modules_are_imported_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "filelock.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    starting = [sys.executable, "-m", "benchmarks.compare", "--base", "."]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(starting, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_self_test_whose_output_cannot_be_written_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmarks.compare.self_test.report.main", fail)
    assert main(["--self-test"]) == 1
    assert capsys.readouterr().err == "--self-test: standard output cannot be written: No space left on device\n"


def test_the_command_imports_no_torch() -> None:
    program = "import sys; import benchmarks.compare.command; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ).returncode == 0


def test_an_interruption_while_the_sides_are_closed_costs_no_result(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextlib.contextmanager
    def interrupted_at_its_end(*arguments: Any, **keywords: Any) -> Iterator[Any]:
        with fakes.opened(*arguments, **keywords) as side:
            yield side
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.compare.opening.opened", interrupted_at_its_end)
    fakes.head = 9.0
    assert main(arguments(tmp_path)) == 1
    assert "head is 10.0 % slower than base" in capsys.readouterr().out


def test_resume_is_offered_only_for_a_document_of_this_comparison(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(tmp_path))

    def opened(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.compare.opening.opened", opened)
    capsys.readouterr()
    assert main(arguments(tmp_path)) == 130
    assert capsys.readouterr().out.splitlines()[-1] == "interrupted, not in a pair"


def test_a_document_that_does_not_fit_its_schema_ends_the_comparison_in_one_line(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(*_: object) -> None:
        raise DocumentError("test.json does not fit comparison.schema.json: x")

    monkeypatch.setattr("benchmarks.compare.comparison.write", write)
    assert main(arguments(tmp_path)) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "test.json does not fit comparison.schema.json: x"
