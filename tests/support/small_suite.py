"""A checkout that keeps the contract of the suite, and nothing else: options of pytest, a speed JSON of ten fields.

Its revisions differ in the rate that they report. What a run does besides is set by the variable ACT.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CASE = "psenet_sp_bs2_fp32_cpu1"

CONFTEST = """
def pytest_addoption(parser):
    for name in ("case", "output", "seed", "timeout"):
        parser.addoption(f"--ocr-{name}")
"""
LIGHT_CONFTEST = CONFTEST + '    parser.addoption("--ocr-light", action="store_true")\n'

TEST = """
import json, os, pathlib, signal, subprocess, sys, time
import pytest
from benchmarks.rate import RATE

def test_speed(request):
    config, act = request.config, os.environ.get("ACT", "")
    output = pathlib.Path(config.getoption("--ocr-output"))
    (output / "index").mkdir(parents=True)
    note = {"arguments": sys.argv, "variables": dict(os.environ), "pid": os.getpid(), "path": sys.path[:2]}
    (output / "note.part").write_text(json.dumps(note))
    (output / "note.part").rename(output / "note.json")
    if act == "skip":
        pytest.skip("needs 1 CUDA GPU, found 0")
    if act == "hang":
        time.sleep(99)
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if act == "none":
        return
    if act == "assert":
        assert RATE == 0, "no rate today"
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=pathlib.Path(__file__).parent, check=True,
                                capture_output=True, text=True).stdout.strip()
    except subprocess.SubprocessError:
        commit = None
    fails = act == "fail"
    details = {"source": "light_run" if config.getoption("--ocr-light", default=False) else "run", "case":
               config.getoption("--ocr-case"), "environment": {"git_commit": os.environ.get("COMMIT", commit)}}
    details |= json.loads(os.environ.get("DETAILS", "{}"))
    if fails:
        details["failure"] = {"kind": "disturbed", "message": "step 3 was held up", "rank": None}
    document = {"log_file": "x", "model_name": "ocr_PSENet_bs2_fp32", "mission_name": "OCR", "direction_id": 0,
                "run_mode": "sp", "index": 1, "gpu_num": 0, "FINAL_RESULT": 0 if fails else RATE,
                "JOB_FAIL_FLAG": int(fails), "UNIT": "samples/sec", "details": details}
    (output / "index" / "ocr_PSENet_sp_bs2_fp32_cpu1_speed").write_text(json.dumps(document))
    if act == "two":
        (output / "index" / "ocr_PSENet_sp_bs4_fp32_cpu1_speed").write_text(json.dumps(document))
    assert act not in ("fail", "late"), "the verdict of the test"
"""


def make_suite(folder: Path, *, rate: float = 2.0, light: bool = False) -> Path:
    """The files, without git. pytest.ini has no `pythonpath`, as in the first revisions."""
    (folder / "benchmarks").mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest --strict-config\n")
    (folder / "conftest.py").write_text(LIGHT_CONFTEST if light else CONFTEST)
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "benchmarks" / "test_speed.py").write_text(TEST)
    (folder / "benchmarks" / "rate.py").write_text(f"RATE = {rate}\n")
    (folder / ".gitignore").write_text("__pycache__/\nlogs/\n")
    return folder


def make_checkout(folder: Path, *, rate: float = 2.0, light: bool = False) -> Path:
    """The same as a git repository with one commit, on the branch main."""
    make_suite(folder, rate=rate, light=light)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    """Commit all files; the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """What git prints, without its last line end."""
    identity = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip("\n")
