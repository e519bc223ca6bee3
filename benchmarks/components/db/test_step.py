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
    """Forward, loss, backward and optimizer on images (2, 3, 320, 320)."""
    import torch

    from benchmarks.components.db.baseline.step import BaselineDBNet, baseline_step, example_batch
    from ocr_models.db.prepare import Targets
    from ocr_models.db.task import r18_training_task, r50_training_task

    build = {"resnet18": r18_training_task, "resnet50": r50_training_task}[backbone]
    task = build(image_size=IMAGE_SIZE, seed=0, device=torch.device("cpu"))
    images, *maps = example_batch(BATCH_SIZE, IMAGE_SIZE)
    shrink_map, shrink_mask, threshold_map, threshold_mask = maps
    targets = Targets(shrink_map.bool(), shrink_mask.bool(), threshold_map, threshold_mask.bool())
    inputs = images.to(memory_format=torch.channels_last)

    def step() -> float:
        loss = task.criterion(task.model(inputs), targets)["loss"]
        task.optimizer.zero_grad()
        loss.backward()
        task.optimizer.step()
        return float(loss)

    ratio_report.compare(
        f"time of the step / baseline, {backbone}, {threads}",
        step,
        baseline_step(BaselineDBNet(backbone), images, *maps),
        "at most",
        0.75,
        rounds=5,
    )
