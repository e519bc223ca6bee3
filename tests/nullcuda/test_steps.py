"""What a measured step asks of the GPU, for every model and precision: no wait, and counts within recorded bounds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from ocr_models import MODELS
from tests.nullcuda.conftest import OnDevice
from tests.nullcuda.process import OnDeviceError

OWN_MODELS = sorted(name for name, model in MODELS.items() if model.task.startswith("ocr_models."))
"""Without those that only the tests install."""

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
SIDE = 64
"""Side of the image in pixels, for detectors: counts do not depend on it."""

LAUNCHES = {
    "psenet": {"fp32": 429, "tf32": 429, "fp16": 570, "bf16": 883},
    "dbr50": {"fp32": 478, "tf32": 478, "fp16": 679, "bf16": 1001},
    "dbr18": {"fp32": 398, "tf32": 398, "fp16": 533, "bf16": 690},
    "crnn": {"fp32": 273, "tf32": 273, "fp16": 396, "bf16": 562},
    "crnnvgg": {"fp32": 214, "tf32": 214, "fp16": 297, "bf16": 309},
    "parseq": {"fp32": 517, "tf32": 517, "fp16": 749, "bf16": 739},
}
"""Kernels of a step, two samples, without those of cuBLAS and cuDNN. If they become fewer, lower the bound."""

LIBRARY_CALLS = {
    "psenet": {"cudnn_plans": 200},
    "dbr50": {"cudnn_plans": 200},
    "dbr18": {"cudnn_plans": 101},
    "crnn": {"cudnn_plans": 95, "recurrences": 6, "matmuls": 9},
    "crnnvgg": {"cudnn_plans": 20, "recurrences": 6, "matmuls": 9},
    "parseq": {"cudnn_plans": 26, "matmuls": 172},
}
"""Calls of cuBLAS and cuDNN in a step. In half precision the attentions of PARSeq's encoder are cuDNN's."""

COPIES = {"psenet": 4, "dbr50": 4, "dbr18": 4, "crnn": 5, "crnnvgg": 6, "parseq": 18}
SCALER_COPIES = 3
"""More of them in fp16."""

Counts = Callable[[str, str], dict[str, float]]


@pytest.fixture(scope="module")
def counts_of(on_device: OnDevice, data_folder: Callable[[str], Path]) -> Counts:
    """`counts_of(model, precision)`: what a measured step of two samples does, counted once."""

    @functools.cache
    def counted(model: str, precision: str) -> dict[str, float]:
        found: dict[str, float] = on_device(
            "steps:counted", f"{model}_sp_bs2_{precision}_1", str(data_folder(model)), SIDE
        )
        return found

    return counted


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", OWN_MODELS)
def test_no_measured_step_makes_the_host_wait(counts_of: Counts, model: str, precision: str) -> None:
    counts = counts_of(model, precision)
    assert counts["launches"] > 0
    assert {name for name in counts if name.endswith("_waits")} == set()
    assert "pageable_copies" not in counts
    assert "mallocs" not in counts  # the allocator reuses what it has


def test_a_model_that_looks_at_its_data_is_found(on_device: OnDevice, image_folder: Path) -> None:
    """The tests' tiny model does."""
    with pytest.raises(OnDeviceError, match="called a synchronizing CUDA operation"):
        on_device("steps:counted", "tiny_sp_bs2_fp32_1", str(image_folder), SIDE)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", LAUNCHES)
def test_a_step_launches_no_more_kernels_than_recorded(counts_of: Counts, model: str, precision: str) -> None:
    counts = counts_of(model, precision)
    assert 0 < counts["launches"] <= LAUNCHES[model][precision]
    for call, most in LIBRARY_CALLS[model].items():
        assert 0 < counts[call] <= most, call
    assert 0 < counts["copies"] <= COPIES[model] + (SCALER_COPIES if precision == "fp16" else 0)


def test_parseq_sorts_no_tokens_and_adds_no_gradients_of_its_embedding_atomically(
    on_device: OnDevice, word_folder: Path
) -> None:
    """Of a batch with more tokens than torch looks up without sorting them."""
    found = on_device("steps:kernels", "parseqtiny_sp_bs128_fp32_1", str(word_folder), None)
    assert [name for name in found if "embedding" in name or "sort" in name.lower()] == []
