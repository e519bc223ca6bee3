"""The vendor's peak rates of known GPUs, by the exact name that torch reports.

Similar names are different cards: an H100 PCIe has three quarters of the rate of an H100 SXM, and an instance of a
divided GPU (MIG) has a part of it. So a name that is not listed has no peak; nothing is guessed.

Dense rates, without structured sparsity, at the boost clock. fp16 and bf16 accumulate in float32, as torch does. fp32
is IEEE arithmetic without tensor cores; None where the vendor's documents contradict each other or the hardware lacks
the precision.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.cases import Case, Precision


class Peak(NamedTuple):
    """TFLOP/s by precision, and TB/s of the memory."""

    half: float
    bf16: float | None
    tf32: float | None
    fp32: float | None
    terabytes_per_second: float
    source: str


_H100 = "NVIDIA H100 data sheet"
_H200 = "NVIDIA H200 data sheet"
_A100 = "NVIDIA A100 data sheet"
_V100 = "NVIDIA V100 data sheet"
_ADA = "NVIDIA Ada GPU architecture"
_BLACKWELL = "NVIDIA Blackwell architecture technical brief"

_V100_SXM = Peak(125, None, None, 15.7, 0.9, _V100)
_V100_PCIE = Peak(112, None, None, 14, 0.9, _V100)
_A100_SXM_40, _A100_SXM_80 = (Peak(312, 312, 156, 19.5, rate, _A100) for rate in (1.555, 2.039))
_A100_PCIE_40, _A100_PCIE_80 = (Peak(312, 312, 156, 19.5, rate, _A100) for rate in (1.555, 1.935))

PEAKS: dict[str, Peak] = {
    "NVIDIA B200": Peak(2250, 2250, 1125, None, 8.0, _BLACKWELL),
    "NVIDIA GB200": Peak(2500, 2500, 1250, None, 8.0, _BLACKWELL),
    "NVIDIA H200": Peak(989, 989, 494, 67, 4.8, _H200),
    "NVIDIA H200 NVL": Peak(835, 835, 417, 60, 4.8, _H200),
    "NVIDIA H100 80GB HBM3": Peak(989, 989, 494, 67, 3.35, f"{_H100}: SXM"),
    "NVIDIA H100 PCIe": Peak(756, 756, 378, 51, 2.0, f"{_H100}: PCIe"),
    "NVIDIA H100 NVL": Peak(835, 835, 417, 60, 3.9, f"{_H100}: NVL"),
    "NVIDIA A100-SXM4-40GB": _A100_SXM_40,
    "NVIDIA A100-SXM4-80GB": _A100_SXM_80,
    "NVIDIA A100-PCIE-40GB": _A100_PCIE_40,
    "NVIDIA A100 80GB PCIe": _A100_PCIE_80,
    "A100-SXM4-40GB": _A100_SXM_40,  # drivers before 470 leave the vendor out
    "A100-PCIE-40GB": _A100_PCIE_40,
    "NVIDIA A30": Peak(165, 165, 82, 10.3, 0.933, "NVIDIA A30 data sheet"),
    "NVIDIA A10": Peak(125, 125, 62.5, 31.2, 0.6, "NVIDIA A10 data sheet"),
    "NVIDIA A40": Peak(149.7, 149.7, 74.8, 37.4, 0.696, "NVIDIA A40 data sheet"),
    "NVIDIA L4": Peak(121, 121, 60, 30.3, 0.3, "NVIDIA L4 data sheet"),
    "NVIDIA L40": Peak(181, 181, 90.5, 90.5, 0.864, "NVIDIA L40 data sheet"),
    "NVIDIA L40S": Peak(362, 362, 183, 91.6, 0.864, "NVIDIA L40S data sheet"),
    "NVIDIA GeForce RTX 4090": Peak(165.2, 165.2, 82.6, 82.6, 1.008, _ADA),
    "NVIDIA GeForce RTX 3090": Peak(71, 71, 35.6, 35.6, 0.936, "NVIDIA Ampere GA102 GPU architecture"),
    "Tesla V100-SXM2-16GB": _V100_SXM,
    "Tesla V100-SXM2-32GB": _V100_SXM,
    "Tesla V100-PCIE-16GB": _V100_PCIE,
    "Tesla V100-PCIE-32GB": _V100_PCIE,
    "Tesla T4": Peak(65, None, None, 8.1, 0.32, "NVIDIA T4 data sheet"),
}


def peak_tflops(device: str, precision: Precision) -> float | None:
    """The dense peak of one GPU in a precision; None if the device or its peak is not known."""
    peak = PEAKS.get(device)
    if peak is None:
        return None
    return {"fp32": peak.fp32, "tf32": peak.tf32, "fp16": peak.half, "bf16": peak.bf16}[precision]


def peak_of_all(device: str, case: Case) -> float | None:
    """The dense peak of all GPUs of a case; None on the CPU, and if it is not known."""
    each = peak_tflops(device, case.precision)
    return None if each is None or case.device == "cpu" else each * case.gpu_count
