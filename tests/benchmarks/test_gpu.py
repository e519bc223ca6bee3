"""What only a GPU can show. Skipped if there is none."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from artifacts import read_artifact
from benchmarks.components.resident import resident_trainer
from benchmarks.harness.controller.gpus import cuda_gpu_count
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from fixed_batch import label_maps
from ocr_models.psenet import PSENetLoss
from suite import RunPytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(cuda_gpu_count() == 0, reason="needs a CUDA GPU, found 0")]


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16", "bf16_compile"])
def test_no_measured_step_makes_the_host_wait(image_folder: Path, precision: str) -> None:
    trainer, batch = resident_trainer(f"psenet_sp_bs2_{precision}_1", image_folder, image_size=320)
    records: list[StepRecord] = []
    pinned = tuple(tensor.cpu().pin_memory() for tensor in batch)  # as the loader delivers it
    loaded = LoadedBatch(pinned, [(0, 0), (1, 1)])
    clock = StepClock(trainer.device, 8, records.append)
    clock.begin(warmup=True)
    trainer.run(itertools.repeat(loaded), 4, clock)
    clock.finish()
    clock.begin(warmup=False)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.run(itertools.repeat(loaded), 4, clock)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    clock.finish()
    assert len(records) == 8
    assert all(record.device_seconds and record.device_seconds > 0 for record in records)


def test_the_loss_is_that_of_the_cpu() -> None:
    each_map = zip(*(label_maps(index) for index in (0, 1)), strict=True)
    maps = [torch.from_numpy(np.stack(both)).bool() for both in each_map]  # (2, S, S), (2, 6, S, S), (2, S, S)
    size = maps[0].shape[-1]
    logits = torch.randn(2, 7, size, size, generator=torch.Generator().manual_seed(0))
    found = []
    for device in ("cpu", "cuda"):
        on_device = logits.to(device).requires_grad_()
        losses = PSENetLoss()(on_device, *(each.to(device) for each in maps))
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
        assert on_device.grad is not None
        found.append([on_device.grad.cpu(), *(losses[name].detach().cpu() for name in sorted(losses))])
    for on_cpu, on_gpu in zip(*found, strict=True):
        torch.testing.assert_close(on_gpu, on_cpu, atol=1e-5, rtol=0)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_case_leaves_its_result(run_pytest: RunPytest, image_folder: Path, tmp_path: Path, precision: str) -> None:
    given = ("--ocr-data", image_folder, "--ocr-output", tmp_path, "--ocr-image-size", 320, "--ocr-steps", 10)
    outcome = run_pytest("benchmarks", "--ocr-case", f"psenet_sp_bs4_{precision}_1", *given)
    assert outcome.code == 0, outcome.text
    details = read_artifact(tmp_path, f"ocr_PSENet_sp_bs4_{precision}_1")["details"]
    assert details["host_synchronisations"] == 0
    assert details["precision"]["matmul"] == details["precision"]["convolution"] == "ieee"
    assert details["ranks"][0]["device_seconds"] <= details["measured_seconds"] * 1.01
