from __future__ import annotations

import platform
import re
from unittest.mock import Mock

import pynvml
import pytest
import torch

from benchmarks.harness.protocol.machine import cpu_name
from benchmarks.harness.worker.probes import environment
from benchmarks.harness.worker.probes.environment import describe_environment, device_name, driver_version

CPU = torch.device("cpu")


def test_versions_of_the_gpu_are_none_on_the_cpu() -> None:
    found = describe_environment(CPU)
    assert (found.cuda, found.cudnn, found.nccl, found.driver) == (None, None, None, None)
    assert (found.python, found.torch) == (platform.python_version(), torch.__version__)
    assert found.cores >= 1


def test_the_device_is_named_by_its_processor_and_not_by_its_host() -> None:
    found = describe_environment(CPU)
    assert device_name(CPU) == found.cpu == cpu_name() != ""
    assert found.system == platform.system()


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlSystemGetDriverVersion"])
def test_a_driver_that_refuses_its_version_has_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: "580.1")
    assert driver_version() == "580.1"
    for error in (pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN), pynvml.NVMLLibraryMismatchError("old")):
        monkeypatch.setattr(pynvml, name, Mock(side_effect=error))
        assert driver_version() is None


def test_the_commit_of_the_checkout_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"status": " M README.md", "rev-parse": "a" * 40}
    monkeypatch.setattr(environment, "_git", lambda command, *_: answers[command])
    found = describe_environment(CPU)
    assert (found.git_commit, found.git_dirty) == ("a" * 40, True)
    answers["status"] = ""
    assert describe_environment(CPU).git_dirty is False


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("OCR_GIT_COMMIT", raising=False)
    found = describe_environment(CPU)
    assert (found.git_commit, found.git_dirty) == (None, None)


@pytest.mark.parametrize(("given", "commit"), [("c" * 40, "c" * 40), ("", None), ("main", None), ("c" * 41, None)])
def test_without_a_checkout_the_commit_of_the_image_is_reported(
    monkeypatch: pytest.MonkeyPatch, given: str, commit: str | None
) -> None:
    monkeypatch.setattr(environment, "_git", lambda *_: None)
    monkeypatch.setenv("OCR_GIT_COMMIT", given)
    assert describe_environment(CPU).git_commit == commit


def test_a_commit_has_forty_digits() -> None:
    commit = environment._git("rev-parse", "HEAD")
    assert commit is None or re.fullmatch("[0-9a-f]{40}", commit)
