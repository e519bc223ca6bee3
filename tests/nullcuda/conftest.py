"""The null CUDA device: torch's CUDA code runs on it without a GPU; kernels do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocr_models import MODELS
from tests.nullcuda.build import build, missing
from tests.nullcuda.process import DeviceProcess, device_environment

OnDevice = Callable[..., Any]
"""The fixture `on_device`."""


@pytest.fixture(scope="session")
def null_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the libraries of the device; skips where it cannot be built."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("nullcuda")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def on_device(null_device: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDevice]:
    """`on_device("module:function", *arguments, limit=120)`: what a function of `checks/` returns on the device.

    All calls run in one process, which restores torch's settings and the device after each.
    """
    process = DeviceProcess(null_device, tmp_path_factory.mktemp("nullcuda-log") / "log")
    yield process.call
    process.stop()


@pytest.fixture(scope="session")
def device_variables(null_device: Path) -> Callable[..., dict[str, str]]:
    """`device_variables(NULLCUDA_DEVICES="2")`: the environment variables of another process on the device."""

    def variables(**more: str) -> dict[str, str]:
        return device_environment(null_device, **more)

    return variables


@pytest.fixture(scope="session")
def data_folder(image_folder: Path, word_folder: Path) -> Callable[[str], Path]:
    """`data_folder(model)`: a small folder of what a model is trained on."""
    folders = {"pages": image_folder, "words": word_folder}

    def folder(model: str) -> Path:
        return folders[MODELS[model].data]

    return folder
