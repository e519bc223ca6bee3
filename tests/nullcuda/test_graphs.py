"""Compile modes that record a step as CUDA graphs. Whether they pay off is not known without a GPU."""

from __future__ import annotations

import pytest

from benchmarks.harness.protocol.warm_up import CUDA_GRAPH_WARMUP_STEPS, DATA_PARALLEL_WARMUP_STEPS
from tests.nullcuda.conftest import OnDevice


@pytest.mark.parametrize(
    ("mode", "warmup_steps"), [("sp", CUDA_GRAPH_WARMUP_STEPS), ("mp", DATA_PARALLEL_WARMUP_STEPS)]
)
def test_after_its_warm_up_a_step_is_a_replay_for_which_the_host_never_waits(
    on_device: OnDevice, mode: str, warmup_steps: int
) -> None:
    steps = on_device("graphs:counted", f"tinyfixed_{mode}_bs2_fp32_compile_1", "reduce-overhead")
    measured = steps[warmup_steps:]
    assert all(step == measured[0] for step in measured)
    assert measured[0]["work"]["graph_launches"] >= 2  # forward and backward
    assert not any(measured[0]["waits"].values())
    assert measured[0]["work"]["launches"] < steps[0]["work"]["launches"]
    assert steps[0]["work"]["graph_launches"] == 0


def test_the_default_mode_has_no_graphs(on_device: OnDevice) -> None:
    steps = on_device("graphs:counted", "tinyfixed_sp_bs2_fp32_compile_1", "default")
    assert all(step == steps[2] for step in steps[2:])
    assert not any(step["work"]["graph_launches"] for step in steps)


def test_the_gradients_of_the_last_step_can_be_read_and_the_training_resumed(on_device: OnDevice) -> None:
    found = on_device("graphs:observed", "tinyfixed_sp_bs2_fp32_compile_1", "reduce-overhead")
    assert found["gradients"] == found["read"] == 6
