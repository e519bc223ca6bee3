from __future__ import annotations

import pytest
import torch

from benchmarks.cases import parse_case
from benchmarks.harness.worker.exceptions import DeviceError
from benchmarks.harness.worker.set_up import rank_device


def test_a_cpu_case_runs_on_the_cpu() -> None:
    assert rank_device(parse_case("psenet_mp_bs4_fp32_cpu2"), local_rank=1) == torch.device("cpu")


def test_a_gpu_case_without_a_gpu_is_an_error_and_never_runs_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"psenet_sp_bs8_fp32_1 needs CUDA, .* finds no usable CUDA GPU: \w+"):
        rank_device(parse_case("psenet_sp_bs8_fp32_1"), local_rank=0)


def test_each_rank_of_a_node_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert rank_device(parse_case("psenet_mp_bs64_fp32_8"), local_rank=3) == torch.device("cuda", 3)
    assert current == [torch.device("cuda", 3)]
