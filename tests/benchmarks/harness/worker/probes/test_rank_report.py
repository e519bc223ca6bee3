from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import nn

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.reports import DataDescription, ModelReport
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.protocol.training import TrainingReport
from benchmarks.harness.worker.precision import apply_precision
from benchmarks.harness.worker.probes.memory import MemoryWatch
from benchmarks.harness.worker.probes.parameters import parameters_sha256
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.synchronisations import counted_synchronisations
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.set_up import SetUp
from ocr_models.task import DataSet
from samples import training_report
from torch_settings import restored_settings

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    """Torch as a rank sets it, and as it was after the test."""
    with restored_settings():
        apply_precision(parse_case("psenet_sp_bs2_fp32_cpu1"))
        yield


class NoWatch:
    """Of a training that does not matter."""

    memory = MemoryWatch(CPU)

    def report(self, steps: int) -> TrainingReport:
        return training_report()

    def inputs(self, samples: int | None = None) -> Any:
        return [torch.empty(2, 3, 8, 8), torch.ones(2)] if samples is None else torch.empty(samples, 3)


WATCH = cast(TrainingWatch, NoWatch())


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
        task=SimpleNamespace(model=model, input_shape=(3,), notes=("labels are padded",)),
        data=Data([None] * 5),
        position=Position(),
        begin=begin,
        timed=lambda _: nullcontext(),
    )
    return cast(SetUp, made), phases


def test_rank_0_also_reports_what_the_network_computes() -> None:
    made, phases = set_up("psenet_mp_bs4_fp32_cpu2", rank=0)
    flat = "1 polygons without area are treated as ignored, the first: gt_img_3.txt:2"
    report = rank_report(made, WATCH, 6, cast(DataSet, SimpleNamespace(remarks=(flat,))))
    assert phases == ["probes"]
    assert made.position.stage == "probes"
    assert report.parameters_sha256 == parameters_sha256(made.task.model)
    assert report.model == ModelReport(2 * (2 * 3 * 2), [1, 3])
    assert report.shared.gradient_bytes == 6 * 4  # the bias is not trained
    assert report.shared.data == DataDescription("icdar2015", 5, [flat], {})
    assert (report.shared.precision.matmul, report.shared.precision.autocast) == ("ieee", None)
    assert report.shared.memory_format == "contiguous"  # of the inputs: a linear layer has one format only
    assert report.shared.notes == ["labels are padded"]


def test_what_the_model_excludes_of_the_training_split_is_reported() -> None:
    made, _ = set_up("psenet_sp_bs2_fp32_cpu1", rank=0)
    made.data.excluded = {"longer\nthan 25 characters": 3, "empty": 1}  # type: ignore[attr-defined]
    report = rank_report(made, WATCH, 6, cast(DataSet, SimpleNamespace(excluded={"empty": 9})))
    assert report.shared.data.excluded == {"longer\\nthan 25 characters": 3, "empty": 1}


def test_other_ranks_report_the_same_of_themselves_and_a_single_process_has_no_parameters_to_compare() -> None:
    first, other = (rank_report(set_up("psenet_mp_bs4_fp32_cpu2", rank)[0], WATCH, 6) for rank in (0, 1))
    assert other.shared == first.shared
    assert other.model is None
    assert other.parameters_sha256 is not None
    assert rank_report(set_up("psenet_sp_bs2_fp32_cpu1", rank=0)[0], WATCH, 6).parameters_sha256 is None


def test_the_peak_memory_on_the_cpu_is_that_of_the_process_in_bytes() -> None:
    peaks = MemoryWatch(CPU).peaks()
    assert 2**24 < peaks.peak_memory_bytes < 2**40
    assert (peaks.peak_reserved_bytes, peaks.run_peak_reserved_bytes) == (None, None)


def test_on_the_cpu_no_synchronisation_is_counted() -> None:
    with counted_synchronisations(CPU) as found:
        assert found is None
