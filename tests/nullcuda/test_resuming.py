"""A resumed training has on the GPU what it had there before."""

from __future__ import annotations

from tests.nullcuda.conftest import OnDevice


def test_a_learning_rate_on_the_gpu_returns_there(on_device: OnDevice) -> None:
    assert on_device("resuming:rate_device") == "cuda:0"
