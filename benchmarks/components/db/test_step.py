"""DB's training step on the CPU, compared with its baseline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("step")

BATCH_SIZE, IMAGE_SIZE = 2, 320


@pytest.fixture(params=["1_thread", "default_threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[str]:
    """Torch computes in so many threads."""
    import torch

    before = torch.get_num_threads()
    if request.param == "1_thread":
        torch.set_num_threads(1)
    yield request.param.replace("_", " ")
    torch.set_num_threads(before)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_step(backbone: str, threads: str, ratio_report: RatioReport) -> None:
    """Forward, backward and optimizer on images (2, 3, 320, 320). Both steps have the baseline's loss."""
    import torch

    from benchmarks.components.db.baseline.step import (
        BaselineDBNet,
        baseline_losses,
        baseline_step,
        example_batch,
    )
    from ocr_models.db import DBNet

    images, *targets = example_batch(BATCH_SIZE, IMAGE_SIZE)
    model = DBNet(backbone).to(memory_format=torch.channels_last)
    inputs = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True, fused=True)

    def step() -> None:
        loss = baseline_losses(model(inputs), *targets)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    ratio_report.compare(
        f"time of the step / baseline, {backbone}, {threads}",
        step,
        baseline_step(BaselineDBNet(backbone), images, *targets),
        "at most",
        0.75,
        rounds=5,
    )
