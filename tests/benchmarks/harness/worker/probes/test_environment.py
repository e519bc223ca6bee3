from __future__ import annotations

import platform
from unittest.mock import Mock

import pynvml
import pytest
import torch

from benchmarks.harness.protocol.machine import cpu_name
from benchmarks.harness.protocol.revision import Revision
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


def test_the_commit_is_that_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "revision", lambda: Revision("a" * 40, True))
    found = describe_environment(CPU)
    assert (found.git_commit, found.git_dirty) == ("a" * 40, True)
