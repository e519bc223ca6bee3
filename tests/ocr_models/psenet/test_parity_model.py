"""The network against numbers of the authors' implementation."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import seeded_psenet
from ocr_models.psenet import PSENet
from parity import PSENET_FOLDERS, Arrays, arrays, each_psenet_folder
from suite import ROOT

OUTPUTS = ("eval_quarter", "train_quarter", "eval_full_mean", "eval_full_std", "stride", "losses")

SAME_INSTRUCTIONS = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "2"}
"""As the expected numbers were computed. The network of random weights amplifies rounding: with other instructions the
authors' implementation itself would differ by more than the tolerance (the logits have a standard deviation of 400)."""


def source(folder: Path) -> Path:
    """Where to compute the numbers of a folder: in the fullest one with the same inputs, once for both."""
    fullest = PSENET_FOLDERS[-1]
    same_inputs = all(is_part(folder / name, fullest / name) for name in ("forward.npz", "trajectory.npz"))
    return fullest if same_inputs else folder


def is_part(path: Path, fuller: Path) -> bool:
    """Whether the inputs in a file are also in a fuller one."""
    ours, theirs = arrays(path), arrays(fuller)
    inputs = [name for name in ours if name not in OUTPUTS]
    return all(name in theirs and np.array_equal(ours[name], theirs[name]) for name in inputs)


@functools.cache
def computed(folder: Path) -> Arrays:
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "found.npz"
        environment = os.environ | SAME_INSTRUCTIONS | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, seeded_psenet.__file__, str(folder), str(output)]
        subprocess.run(command, env=environment, check=True)
        return arrays(output)


@each_psenet_folder
def test_the_state_dict_is_the_official_one_in_its_order(folder: Path) -> None:
    found = [(key, list(value.shape)) for key, value in PSENet().state_dict().items()]
    assert found == seeded_psenet.official_keys(folder)


@pytest.mark.slow
@each_psenet_folder
@pytest.mark.parametrize("name", ["eval_quarter", "train_quarter", "eval_full_mean", "eval_full_std"])
def test_forward(folder: Path, name: str) -> None:
    expected, found = arrays(folder / "forward.npz"), computed(source(folder))[name]
    stride = int(expected.get("stride", 1))  # golden outputs are reduced
    if found.ndim == 4:
        found = found[..., ::stride, ::stride]
    np.testing.assert_allclose(found, expected[name], atol=1e-4, rtol=0)


@pytest.mark.slow
@each_psenet_folder
def test_steps_of_training(folder: Path) -> None:
    expected = arrays(folder / "trajectory.npz")["losses"]
    found = computed(source(folder))["losses"][: len(expected)]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
