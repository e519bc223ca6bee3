"""Which part bounds a step, and how close it is to the limits."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.limits import RankLimits, StepWork
from benchmarks.harness.results import store
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.peaks import PEAKS, peak_of_all, peak_tflops
from benchmarks.harness.results.roofline import bound_by, bound_in_words, roofline
from benchmarks.harness.results.speed import contradictions
from benchmarks.harness.results.speed_artifact import Roofline, SpeedArtifact, SpeedDetails
from benchmarks.harness.results.speed_table import cells, line
from benchmarks.harness.results.validation import problems
from samples import changed, document, rank_limits, speed_artifact

GPU, TWO_GPUS = "psenet_sp_bs8_bf16_1", "psenet_mp_bs16_bf16_2"


def details_of(artifact: SpeedArtifact) -> SpeedDetails:
    assert isinstance(artifact.details, SpeedDetails)
    return artifact.details


def found(limits: list[RankLimits], **given: Any) -> Roofline:
    usual: dict[str, Any] = {"step_seconds": 0.1, "matmul_tflops": 0.1, "data_fraction": 0.0}
    result = roofline(limits, **{**usual, "communication_fraction": None, **given})
    assert result is not None
    return result


def test_each_operation_takes_the_longer_of_arithmetic_and_memory() -> None:
    one = found([rank_limits()])  # 8 GFLOP at 0.1 TFLOP/s, and 100 MB at 0.01 TB/s
    assert one.seconds == pytest.approx(0.08 + 0.01)
    assert one.fraction == pytest.approx(0.9)
    assert one.arithmetic_fraction == pytest.approx(0.8)
    assert one.memory_fraction == pytest.approx(0.1)
    assert one.bandwidth_fraction == pytest.approx(110e6 / 0.1 / 0.01e12)
    assert (one.bytes_per_step, one.flops_per_step) == (110 * 10**6, 8 * 10**9)
    assert (one.host_fraction, one.bound_by) == (None, "arithmetic")


def test_ranks_share_the_limits_of_all() -> None:
    two = found([rank_limits(), rank_limits(work=False)], matmul_tflops=0.2)
    assert two.seconds == pytest.approx(0.09)
    assert two.bytes_per_step == 2 * 110 * 10**6


def test_without_the_work_of_a_step_there_is_no_roofline() -> None:
    usual: dict[str, Any] = {"step_seconds": 1.0, "matmul_tflops": 1.0, "data_fraction": 0.0}
    assert roofline([rank_limits(work=False)], **usual, communication_fraction=None) is None


@pytest.mark.parametrize(
    ("parts", "bound"),
    [
        ((0.5, 0.3, None, 0.0, None), "arithmetic"),
        ((0.3, 0.4, None, 0.0, None), "memory"),
        ((0.3, 0.2, 0.5, 0.0, None), "arithmetic"),  # the host is ahead of the GPU
        ((0.3, 0.2, 0.95, 0.0, None), "host"),
        ((0.3, 0.2, 0.95, 0.3, None), "data"),
        ((0.6, 0.2, 0.1, 0.05, None), "arithmetic"),
        ((0.6, 0.2, 0.1, 0.12, None), "data"),
        ((0.2, 0.2, 0.1, 0.0, 0.3), "communication"),
        ((0.0, 0.001, 0.1, 0.0, 0.0), "memory"),
        ((1.2, 0.3, 0.1, 0.0, 0.0), "arithmetic"),  # a compiled step that beats the eager program
    ],
)
def test_what_bounds_a_step(parts: tuple[float, float, float | None, float, float | None], bound: str) -> None:
    assert bound_by(*parts) == bound


@pytest.mark.parametrize(
    ("device", "precision", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", "bf16", 989),
        ("NVIDIA H100 80GB HBM3", "fp16", 989),
        ("NVIDIA H100 80GB HBM3", "fp32", 67),
        ("NVIDIA H100 PCIe", "bf16", 756),
        ("NVIDIA A100-SXM4-80GB", "tf32", 156),
        ("Tesla V100-SXM2-32GB", "fp16", 125),
        ("Tesla V100-SXM2-32GB", "bf16", None),  # the hardware has none
        ("NVIDIA B200", "bf16", 2250),
        # other cards, which must not be taken for these
        ("NVIDIA H100", "bf16", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16", None),
        ("NVIDIA H800", "bf16", None),
        ("NVIDIA A100-SXM-64GB", "bf16", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
        ("NVIDIA GeForce RTX 4090 D", "bf16", None),
        ("nvidia h100 80gb hbm3", "bf16", None),
        ("AMD EPYC", "bf16", None),
        ("", "fp32", None),
    ],
)
def test_a_peak_belongs_to_an_exact_name(device: str, precision: Any, peak: float | None) -> None:
    assert peak_tflops(device, precision) == peak


def test_peaks_are_dense_and_have_a_source() -> None:
    for name, peak in PEAKS.items():
        assert peak.source, name
        if peak.tf32 is not None:
            assert peak.half / 2.1 < peak.tf32 < peak.half / 1.9, name  # a sparse figure would be twice as large


def test_the_peak_is_that_of_all_gpus_and_a_processor_has_none() -> None:
    assert peak_of_all("NVIDIA H100 PCIe", parse_case(TWO_GPUS)) == 2 * 756
    assert peak_of_all("NVIDIA H100 PCIe", parse_case("psenet_sp_bs2_fp32_cpu1")) is None


def with_device(device: str) -> dict[str, Any]:
    """The document of a good GPU case on that device, with the peak and the share that follow from it."""
    good = document(speed_artifact(GPU))
    achieved, peak = good["details"]["achieved_tflops"], peak_tflops(device, "bf16")
    mfu = None if peak is None else achieved / peak
    return changed(good, {"details.device": device, "details.peak_tflops": peak, "details.mfu": mfu})


def lines(wrong: dict[str, Any]) -> str:
    assert problems(wrong, SPEED) == []
    return "\n".join(contradictions(store.decoded(wrong, SPEED)))


def test_the_gate_recomputes_the_share_of_the_vendors_peak() -> None:
    good = with_device("NVIDIA H100 80GB HBM3")
    assert lines(good) == ""
    assert "details.mfu: 0.9, but" in lines(changed(good, {"details.mfu": 0.9}))
    assert "details.peak_tflops: 989, but the other details yield 756" in lines(
        changed(good, {"details.device": "NVIDIA H100 PCIe"})
    )
    assert "details.peak_tflops: 1979, but" in lines(changed(good, {"details.peak_tflops": 1979.0}))
    assert "details.peak_tflops: 989, but the other details yield null" in lines(
        changed(good, {"details.device": "a GPU of next year"})
    )


SMALL = structs.asdict(StepWork(1, 1, 1, {"forward": 1}, 0, 1))
WORK = "details.ranks.0.probes.limits.step_work"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"details.roofline.bound_by": "memory"}, "details.roofline.bound_by: memory, but the parts yield data"),
    ({"details.roofline.fraction": 0.99}, "details.roofline.fraction: 0.99, but"),
    ({"details.roofline.seconds": 0.5}, "details.roofline.seconds"),
    ({"details.roofline.arithmetic_fraction": 0.5}, "details.roofline.arithmetic_fraction"),
    ({"details.roofline.memory_fraction": 0.5}, "details.roofline.memory_fraction"),
    ({"details.roofline.bandwidth_fraction": 0.5}, "details.roofline.bandwidth_fraction"),
    ({"details.roofline.host_fraction": None}, "details.roofline.host_fraction"),
    ({"details.roofline.bytes_per_step": 1}, "details.roofline.bytes_per_step"),
    ({"details.roofline.flops_per_step": 1}, "details.roofline.flops_per_step"),
    ({"details.roofline": None}, "details.roofline: null if and only if rank 0 has no step_work"),
    ({WORK: None}, "details.roofline: null if and only if"),
    ({f"{WORK}.bytes": 10**9}, "stage_bytes do not add up to bytes"),
    ({f"{WORK}.arithmetic_bound_flops": 10**12}, "a part is larger than the whole"),
    ({f"{WORK}.arithmetic_bound_flops": 0, f"{WORK}.memory_bound_bytes": 0}, "its parts take 0 s, but one limit alone"),
    ({"details.copy_terabytes_per_second": 9.0}, "details.copy_terabytes_per_second: 9, but"),
    ({"details.matmul_held_tflops": 9.0}, "details.matmul_held_tflops: 9, but"),
    (
        {"details.ranks.0.probes.limits.matmul_held_tflops": None},
        "matmul_held_tflops: null if and only if it ran on the CPU",
    ),
    (
        {"details.ranks.0.probes.limits.host_step_seconds": None},
        "host_step_seconds: null if and only if it ran on the CPU",
    ),
    (
        {"details.ranks.1.probes.limits.step_work": SMALL},
        "only rank 0 counts",
    ),
]


@pytest.mark.parametrize(("changes", "named"), WRONG)
def test_the_gate_recomputes_the_roofline(changes: dict[str, Any], named: str) -> None:
    good = document(speed_artifact(TWO_GPUS))
    assert named in lines(changed(good, changes))


def test_people_read_what_bounds_a_case() -> None:
    artifact = speed_artifact(GPU)
    details = details_of(artifact)
    assert details.roofline is not None
    bound = structs.replace(details.roofline, bound_by="memory", fraction=0.713)
    memory = structs.replace(artifact, details=structs.replace(details, roofline=bound))
    assert ", bound by memory, 71% of the roofline" in line(memory)
    assert "memory, 71%" in cells(memory)
    far = structs.replace(bound, fraction=0.012)
    assert ", bound by nothing known, 1% of the roofline" in line(
        structs.replace(artifact, details=structs.replace(details, roofline=far))
    )
    assert [bound_in_words(structs.replace(far, bound_by=name)) for name in ("data", "host", "communication")] == [
        *("data", "host", "communication")  # which are not parts of that fraction
    ]
    unknown = structs.replace(artifact, details=structs.replace(details, roofline=None))
    assert "bound by" not in line(unknown)
    assert "unknown" in cells(unknown)
