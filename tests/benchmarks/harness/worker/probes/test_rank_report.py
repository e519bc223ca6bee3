from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pynvml
import pytest
import torch
from torch import nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.reports import DataDescription, GpuState
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.precision import apply_precision
from benchmarks.harness.worker.probes.gpu import driver_version, gpu_state
from benchmarks.harness.worker.probes.rank_report import parameters_sha256, peak_memory_bytes, rank_report
from benchmarks.harness.worker.probes.synchronisations import counted_synchronisations
from benchmarks.harness.worker.set_up import SetUp
from ocr_models.task import DataSet

CPU = torch.device("cpu")


@pytest.fixture
def precision() -> Iterator[None]:
    """Torch as a rank sets it, and as it was after the test."""
    before = (
        torch.backends.fp32_precision,  # type: ignore[attr-defined]
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
        torch.backends.cudnn.rnn.fp32_precision,  # type: ignore[attr-defined]
    )
    apply_precision(parse_case("psenet_sp_bs2_fp32_cpu1"))
    yield
    torch.backends.fp32_precision = before[0]  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = before[1]
    torch.backends.cudnn.conv.fp32_precision = before[2]  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = before[3]  # type: ignore[attr-defined]


def set_up(case: str, rank: int) -> tuple[SetUp, list[str]]:
    """Of a rank with a small model, and the phases that it begins."""
    phases: list[str] = []
    begin: Callable[[str], None] = phases.append
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)

    class Data(list[None]):
        layout = "icdar2015"

    made = SimpleNamespace(
        device=CPU,
        rank=rank,
        case=parse_case(case),
        task=SimpleNamespace(model=model, input_shape=(3,)),
        data=Data([None] * 5),
        position=Position(),
        begin=begin,
    )
    return cast(SetUp, made), phases


@pytest.mark.usefixtures("precision")
def test_rank_0_reports_what_all_ranks_share() -> None:
    made, phases = set_up("psenet_mp_bs4_fp32_cpu2", rank=0)
    flat = "1 polygons without area are treated as ignored, the first: gt_img_3.txt:2"
    report = rank_report(made, cast(DataSet, SimpleNamespace(remarks=(flat,))))
    assert phases == ["probes"]
    assert made.position.stage == "probes"
    assert report.gpu_state is None
    assert report.parameters_sha256 == parameters_sha256(made.task.model)
    assert report.shared is not None
    assert report.shared.flops_per_sample == 2 * (2 * 3 * 2)
    assert report.shared.gradient_bytes == 6 * 4  # the bias is not trained
    assert report.shared.data == DataDescription("icdar2015", 5, [flat])
    assert (report.shared.precision.matmul, report.shared.precision.autocast) == ("ieee", None)


def test_other_ranks_report_of_themselves_only_and_a_single_process_has_nothing_to_compare() -> None:
    report = rank_report(set_up("psenet_mp_bs4_fp32_cpu2", rank=1)[0])
    assert report.shared is None
    assert report.parameters_sha256 is not None
    assert rank_report(set_up("psenet_sp_bs2_fp32_cpu1", rank=1)[0]).parameters_sha256 is None


def test_the_checksum_changes_with_any_parameter() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    before = parameters_sha256(model)
    assert parameters_sha256(model) == before
    model.bias.data[1] += 1e-6
    assert parameters_sha256(model) != before


def test_the_peak_memory_on_the_cpu_is_that_of_the_process_in_bytes() -> None:
    assert 2**24 < peak_memory_bytes(CPU) < 2**40


def test_on_the_cpu_no_synchronisation_is_counted() -> None:
    with counted_synchronisations(CPU) as found:
        assert found is None


def test_the_state_of_a_gpu_is_read_from_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "nvmlInit": None,
        "nvmlDeviceGetHandleByUUID": "handle",
        "nvmlDeviceGetClockInfo": 1980,
        "nvmlDeviceGetPowerUsage": 610_500,
        "nvmlDeviceGetTemperature": 55,
        "nvmlDeviceGetCurrentClocksThrottleReasons": 4,
        "nvmlSystemGetDriverVersion": "580.1",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, lambda *_, answer=answer: answer)
    expected = GpuState(sm_clock_mhz=1980, power_watts=610.5, temperature_celsius=55, throttle_reasons=4)
    assert gpu_state("GPU-1") == expected
    assert driver_version() == "580.1"


def test_without_a_driver_the_state_of_a_gpu_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert (gpu_state("GPU-1"), driver_version()) == (None, None)
