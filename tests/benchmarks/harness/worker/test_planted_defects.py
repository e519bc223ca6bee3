"""Trainings that run to their end and are not what their case says: each fails, with a message that says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.results import speed
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.speed_artifact import SpeedDetails
from in_process import measured_in_process, restored_torch

CASE = "tiny_sp_bs2_fp32_cpu1"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with restored_torch(monkeypatch):
        yield


@pytest.mark.parametrize("case", [CASE, "tiny_sp_bs2_bf16_cpu1", "tinyfixed_sp_bs2_fp32_cpu1"])
def test_a_right_training_passes(case: str, image_folder: Path, tmp_path: Path) -> None:
    artifact = measured_in_process(case, image_folder, tmp_path)
    assert failure_of(artifact) is None
    assert speed.contradictions(artifact) == []


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        ("learning_rate_0", "6 steps left 6 of 6 parameters as they were although they have a gradient"),
        ("idle_optimizer", "of 6 parameters as they were although they have a gradient (0.weight"),
        ("forgotten_parameter", "6 steps left 1 of 6 parameters as they were although they have a gradient (2.bias)"),
        ("optimizer_of_a_copy", "of 6 parameters as they were although they have a gradient (0.weight"),
        (
            "frozen_by_a_rate_of_0",
            "6 steps left 1 of 6 parameters as they were although they have a gradient (0.weight)",
        ),
        ("low_precision", "parameters of the network are in bfloat16; the precision is fp32"),
        ("zero_gradients", "6 steps changed none of 6 parameters: nothing is trained"),
        ("first_sample_only", "the network got an input of shape [1, 3, 64, 64]; a batch of a process has 2"),
        ("batch_of_1", "6 steps trained 6 samples; with 2 per step of a process they are 12"),
        ("capped_in_the_model", "of a sample of shape [3, 64, 64], [1, 3, 32, 32] arrives at its first layer"),
        ("capped_in_prepare", "the network got an input of shape [2, 3, 64, 32]; the image size is 64"),
        ("one_index", "of 12 samples had come before in the same epoch of 3: the sampler repeats them"),
        ("one_key", "11 of 12 samples had come before in the same epoch of 3"),
        ("new_epoch_each_time", "they begin with [6, 9, 12], the rank's with [2, 3, 4]"),
        ("one_sample", "different images gave the same sample"),
    ],
)
def test_a_planted_defect_is_found(
    plant: str, message: str, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_PLANT", plant)
    artifact = measured_in_process(CASE, image_folder, tmp_path)
    failure = failure_of(artifact)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("wrong_result", 0)
    assert message in failure.message
    assert isinstance(artifact.details, SpeedDetails)
    assert any(failure.message in line for line in speed.contradictions(artifact))  # the gate finds it again
