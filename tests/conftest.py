"""What several tests share: a real pytest in a process of its own, and a small folder of real images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Literal

import cv2
import numpy as np
import pytest

# pytest then names a test module "tests.ocr_models.test_x", and does not take the folder for the package ocr_models.
sys.path.insert(0, str(Path(__file__).parents[1]))
# pytest also loads this file if it is given a path that does not exist, without the settings of tests/pytest.ini.
sys.path.insert(1, str(Path(__file__).parent / "support"))

from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from suite import ROOT, Outcome, RunPytest, suite_command, suite_environment
from word_files import write_lmdb_split


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers here: `pytest .` collects the tests with the settings of the suite."""
    config.addinivalue_line("markers", "slow: a test that takes more than a few seconds")
    config.addinivalue_line(
        "markers",
        "exhaustive: repeats a check for further models, precisions, faults or processes, or is a whole run of what "
        "quicker tests check in parts; slow, too; run by `tox -e exhaustive`, and in CI",
    )
    # The tests share few cores. Threads of torch that wait for a core cost several times what they save.
    if config.inipath is not None and config.inipath.parent == Path(__file__).parent:  # not in a session of the suite
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # ranks of the suite set their own number of threads


@pytest.hookimpl(tryfirst=True)  # before `-m` deselects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An exhaustive test is slow: whatever takes the quick tests only leaves it out."""
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def run_pytest() -> RunPytest:
    """`run_pytest(*arguments, cwd=ROOT, **environment)`: pytest as a user starts it."""

    def run(*arguments: object, cwd: Path = ROOT, **environment: str) -> Outcome:
        done = subprocess.run(
            suite_command(*arguments),
            cwd=cwd,
            env=suite_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        return Outcome(done.returncode, done.stdout)

    return run


@pytest.fixture
def default_signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP do what they do by default: nohup, and a shell in the background, ignore some."""
    defaults: dict[signal.Signals, Callable[[int, FrameType | None], object] | signal.Handlers] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, previous in before.items():
        signal.signal(number, previous)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs' worth of noise with one text each, in the official layout: three to train on and two held out."""
    root = tmp_path_factory.mktemp("icdar2015")
    generator = np.random.default_rng(0)
    numbers_by_split: dict[Literal["train", "test"], tuple[int, ...]] = {"train": (1, 2, 3), "test": (1, 2)}
    for split, numbers in numbers_by_split.items():
        images, annotations = (root / name for name in OFFICIAL_FOLDERS[split])
        images.mkdir()
        annotations.mkdir()
        for number in numbers:
            noise = generator.integers(0, 255, (360, 640, 3), dtype=np.uint8)
            cv2.imwrite(str(images / f"img_{number}.jpg"), cv2.GaussianBlur(noise, (15, 15), 0))
            annotation = annotations / f"gt_img_{number}.txt"
            annotation.write_text("100,100,300,110,298,180,99,170,word\n", encoding="utf-8-sig")
    return root


@pytest.fixture(scope="session")
def word_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with a word each, in LMDBs: three to train on and two held out."""
    root = tmp_path_factory.mktemp("words")
    write_lmdb_split(root, ["abc", "x1y2z", "word"], "train")
    return write_lmdb_split(root, ["abc", "word"], "test")
