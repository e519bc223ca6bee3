"""What compiled steps ask of the GPU: kernels that Inductor generates, their atomic additions, graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nullcuda.conftest import OnDevice

TRITON_LAUNCHES = {"psenetr18": 235, "dbr18": 282, "crnnvgg128": 70, "parseq": 535}
"""Kernels that Inductor generates for a step, two samples."""

ATOMICS = {"psenetr18": 65_536, "dbr18": 32_768, "crnnvgg128": 64_000, "parseq": 0}
"""Atomic additions of these kernels: the gradients of max-pools."""

GRAPHS = {"psenetr18": 1, "dbr18": 1, "crnnvgg128": 4, "parseq": 1}
"""Parts of a compiled step: torch.compile leaves out the two recurrent layers of CRNN."""


@pytest.mark.slow
@pytest.mark.parametrize("model", TRITON_LAUNCHES)
def test_a_compiled_step_launches_and_adds_atomically_no_more_than_recorded(
    on_device: OnDevice, data_folder: Callable[[str], Path], model: str
) -> None:
    case = f"{model}_sp_bs2_bf16_compile_1"
    counts = on_device("compiled:counted", case, str(data_folder(model)), 64, limit=280)
    assert 0 < counts["triton_launches"] <= TRITON_LAUNCHES[model]
    assert counts["atomics"] <= ATOMICS[model], counts["atomic_kernels"]
    assert 0 < counts["graphs"] <= GRAPHS[model]
    assert {name for name in counts if name.endswith("_waits")} == set()
