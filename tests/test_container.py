"""The container's files against the project. Building the image needs a network and gigabytes: docs/container.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from suite import ROOT, suite_environment

CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
ENTRYPOINT = ROOT / ".container" / "entrypoint"


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    sources = [name for line in re.findall(r"^COPY (.+)$", CONTAINERFILE, re.MULTILINE) for name in line.split()[:-1]]
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"benchmarks", "ocr_models", "schemas", "conftest.py", "pytest.ini"} <= set(sources)
    assert all((ROOT / name).exists() for name in sources)
    assert {name.split("/")[0] for name in sources} == allowed


def test_the_base_is_an_argument_and_the_user_is_not_root() -> None:
    assert re.search(r"^ARG BASE=\S+\nFROM \$\{BASE\}$", CONTAINERFILE, re.MULTILINE)
    assert re.findall(r"^USER (.+)$", CONTAINERFILE, re.MULTILINE)[-1] == "ocr"


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ((), "-m pytest benchmarks"),
        (("-m", "single_gpu and not x"), "-m pytest benchmarks -m [single_gpu and not x]"),
        (("gate", "/logs/index", "--expect", "cpu"), "-m benchmarks.gate /logs/index --expect cpu"),
        (("python", "-m", "benchmarks.schemas"), "-m benchmarks.schemas"),
    ],
)
def test_the_entry_point_starts_the_command(tmp_path: Path, arguments: tuple[str, ...], command: str) -> None:
    # `python` is a program that shows its arguments, in brackets if they have blanks.
    shown = tmp_path / "python"
    shown.write_text('#!/bin/sh\nfor each; do case $each in *" "*) each="[$each]";; esac; printf "%s " "$each"; done\n')
    shown.chmod(0o755)
    script = tmp_path / "entrypoint"
    script.write_text(ENTRYPOINT.read_text(encoding="utf-8").replace("/opt/ocr", str(ROOT)), encoding="utf-8")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", script, *arguments], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == command


def test_the_entry_point_passes_on_the_exit_code(tmp_path: Path) -> None:
    script = tmp_path / "entrypoint"
    script.write_text(ENTRYPOINT.read_text(encoding="utf-8").replace("/opt/ocr", str(ROOT)), encoding="utf-8")
    environment = {**suite_environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", script, "gate", tmp_path / "none"], env=environment, capture_output=True, text=True)
    assert (done.returncode, "does not exist" in done.stdout) == (1, True)
