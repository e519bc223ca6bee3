"""A search on a GPU whose memory is limited: torch's allocator is refused what exceeds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from artifacts import read_artifact
from suite import RunPytest

NAME = "ocr_TinyPlain_sp_bs8_bf16_1"
MEMORY = 400_000_000  # 8 samples reserve about 270 MB


def test_the_search_ends_where_the_gpu_refuses_memory(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, device_variables: Callable[..., dict[str, str]]
) -> None:
    case = ("-m", "largest_batch", "--ocr-case", "tinyplain_sp_bs8_bf16_1", "--ocr-image-size", 640)
    outcome = run_pytest(
        "benchmarks",
        *case,
        *("--ocr-data", image_folder, "--ocr-output", tmp_path),
        **device_variables(NULLCUDA_MEMORY=str(MEMORY)),
    )
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, NAME, "largest_batch")
    details = document["details"]
    assert (document["FINAL_RESULT"], document["UNIT"], details["ended_by"]) == (8, "samples", "memory")
    assert [(each["batch_size_per_process"], each["outcome"]) for each in details["tries"]] == [
        (8, "trained"),
        (16, "out_of_memory"),
    ]
    assert "CUDA out of memory" in details["tries"][1]["message"]
    assert (details["memory_limit_bytes"], details["memory_limit_source"]) == (MEMORY, "gpu")
    assert 0 < details["tries"][0]["peak_memory_bytes"] < details["tries"][0]["peak_reserved_bytes"] <= MEMORY
    assert 0 < details["memory_free_bytes"] < MEMORY
