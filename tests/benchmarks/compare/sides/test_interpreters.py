"""The Python that runs a side."""

from __future__ import annotations

import os
import platform
import stat
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.compare.errors import SideError
from benchmarks.compare.sides import interpreters
from benchmarks.compare.sides.interpreters import help_of_suite, interpreter, versions
from small_suite import make_suite


def script(path: Path, text: str) -> Path:
    """An executable that is no Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_interpreter_is_a_path_a_name_or_a_virtual_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = script(tmp_path / "venv" / "bin" / "python", "true")
    link = tmp_path / "link"
    link.symlink_to(python)
    monkeypatch.setenv("PATH", str(python.parent))
    monkeypatch.chdir(tmp_path)
    assert interpreter(str(python)) == interpreter("venv") == interpreter("venv/bin/python") == python
    assert interpreter("python") == python
    assert interpreter(str(link)) == link  # by its path an interpreter knows its environment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("python9.99", "env:python9.99: there is no such command on PATH; name a path, or the folder of a venv"),
        ("./none", "none does not exist; make it with `python -m venv FOLDER`"),
        ("empty", "empty/bin/python does not exist"),
        ("./plain", "plain is not an executable file"),
    ],
)
def test_a_path_without_an_interpreter_is_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("plain").touch(stat.S_IRUSR)
    with pytest.raises(SideError) as caught:
        interpreter(text)
    assert message in str(caught.value)


def test_versions_are_those_of_the_interpreter(tmp_path: Path) -> None:
    found = versions(Path(sys.executable), tmp_path, dict(os.environ))
    expected = {"python": platform.python_version(), "torch": str(torch.__version__), "pytest": pytest.__version__}
    assert found == expected


def test_a_warning_after_the_answer_is_not_taken_for_it(tmp_path: Path) -> None:
    answer = """echo '{"python": "3.99", "torch": "9.9", "pytest": "99"}'; echo 'a warning' >&2"""
    assert versions(script(tmp_path / "python", answer), tmp_path, {})["torch"] == "9.9"


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("echo 'ModuleNotFoundError: No module named torch'; exit 1", "ModuleNotFoundError: No module named torch"),
        ("exit 3", "exit code 3"),
        ("echo '[]'", r"\[\]"),
    ],
)
def test_an_interpreter_without_torch_is_refused_with_what_to_do(tmp_path: Path, printed: str, cause: str) -> None:
    python = script(tmp_path / "python", printed)
    expected = rf"env:.*/python: cannot import pytest and torch: {cause}; `.*/python -m pip install -e \.`$"
    with pytest.raises(SideError, match=expected):
        versions(python, tmp_path, {})


def test_an_interpreter_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "CHECK_SECONDS", 0.2)
    with pytest.raises(SideError, match=r"python did not answer within 0 s"):
        versions(script(tmp_path / "python", "exec sleep 60"), tmp_path, dict(os.environ))


def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_bytes(b"\x7fELF")
    python.chmod(0o755)
    with pytest.raises(SideError, match="python cannot be started: Exec format error"):
        versions(python, tmp_path, {})


def test_options_that_the_suite_refuses_are_named_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, environment = make_suite(tmp_path / "tree"), dict(os.environ) | {"PYTEST_ADDOPTS": "--color=no"}

    def ask(*options: str) -> str:
        return help_of_suite(Path(sys.executable), tree, environment, "my side", options)

    assert "--ocr-seed" in ask("--ocr-seed=3", "--durations=0")
    with pytest.raises(SideError, match=r"^my side: its pytest has no option --ocr-seeds; options of the comparison "):
        ask("--ocr-seeds", "3")
    with pytest.raises(SideError, match=r"^my side: its pytest refuses the options: argument --ocr-seed: expected one"):
        ask("--ocr-seed")
    environment["PYTEST_ADDOPTS"] = "--ocr-seeds=3"
    with pytest.raises(SideError, match=r"^my side: its pytest has no option --ocr-seeds"):
        ask()
    (tree / "conftest.py").write_text("import not_there\n")
    with pytest.raises(SideError, match=r"^my side: pytest cannot load its suite: .*No module named 'not_there'$"):
        ask("--ocr-seed=3")


def test_a_suite_that_cannot_be_loaded_is_explained(tmp_path: Path) -> None:
    tree = make_suite(tmp_path / "tree")
    assert "--ocr-case" in help_of_suite(Path(sys.executable), tree, dict(os.environ), "x")
    (tree / "conftest.py").write_text("import not_there\n")
    with pytest.raises(SideError, match=r"^my side: pytest cannot load its suite: .*No module named 'not_there'$"):
        help_of_suite(Path(sys.executable), tree, dict(os.environ), "my side")
    (tree / "conftest.py").write_text("")
    with pytest.raises(SideError, match=r"^my side: pytest cannot load its suite: it has no option --ocr-case: is"):
        help_of_suite(Path(sys.executable), tree, dict(os.environ), "my side")
