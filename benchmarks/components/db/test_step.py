"""DB's training step on the CPU, compared with its baseline."""

from __future__ import annotations

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("DB step")

BATCH_SIZE, IMAGE_SIZE = 2, 320
THREADS = {"one thread": ("one_torch_thread",), "default threads": ()}


@pytest.fixture(params=THREADS)
def threads(request: pytest.FixtureRequest) -> str:
    """Torch computes in so many threads."""
    name: str = request.param
    for fixture in THREADS[name]:
        request.getfixturevalue(fixture)
    return name


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_step(backbone: str, threads: str, ratio_report: RatioReport) -> None:
    """Forward, loss, backward and optimizer on images (2, 3, 320, 320)."""
    import torch

    from benchmarks.components.db.baseline.step import BaselineDBNet, BaselineStep, example_batch
    from ocr_models.db.prepare import Targets
    from ocr_models.db.task import r18_training_task, r50_training_task

    build = {"resnet18": r18_training_task, "resnet50": r50_training_task}[backbone]
    task = build(image_size=IMAGE_SIZE, seed=0, device=torch.device("cpu"))
    baseline = BaselineStep(BaselineDBNet(backbone), torch.device("cpu"))
    baseline.model.load_state_dict(task.model.state_dict())
    images, *maps = example_batch(BATCH_SIZE, IMAGE_SIZE)
    shrink_map, shrink_mask, threshold_map, threshold_mask = maps
    targets = Targets(shrink_map.bool(), shrink_mask.bool(), threshold_map, threshold_mask.bool())
    inputs = images.to(memory_format=torch.channels_last)

    def step() -> dict[str, float]:
        losses = task.criterion(task.model(inputs), targets)
        task.optimizer.zero_grad()
        losses["loss"].backward()
        task.optimizer.step()
        return {name: value.item() for name, value in losses.items()}

    assert step() == pytest.approx(baseline(images, *maps), rel=1e-3)
    ratio_report.compare(
        f"time of the step / baseline, {backbone}, {threads}",
        step,
        lambda: baseline(images, *maps),
        "at most",
        0.75,
        rounds=5,
    )
