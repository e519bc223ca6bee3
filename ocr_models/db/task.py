"""The training tasks of DB, with ResNet-50 and with ResNet-18: network, optimizer and schedule of its recipe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ocr_models import MODELS
from ocr_models.db.dataset import DBDataset
from ocr_models.db.head import Heads
from ocr_models.db.inference import detector_for
from ocr_models.db.loss import DBLoss
from ocr_models.db.model import DBNet
from ocr_models.db.prepare import PrepareBatch, Targets
from ocr_models.detection.fixed_samples import fixed_batch
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.scoring import detection_evaluation
from ocr_models.fixed_samples import damp_residual_branches, draw_fixed_weights
from ocr_models.memory_formats import fast_memory_format
from ocr_models.task import Evaluation, Reference, TrainingTask

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet

PEAK_RATE = 1e-3
WARM_UP = 3 / 1200
"""Share of the steps in which the learning rate rises from a third to its peak: 3 of 1200 epochs."""

POWER = 0.9
LOGIT_SCALE = 0.1


class Criterion(nn.Module):
    """Maps (N, 3, H, W) of P, T and B, and Targets -> the losses of DBLoss, scalars; `loss` is minimised."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = DBLoss()

    def forward(self, maps: Tensor, targets: Targets) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self.loss(maps, *targets)
        return {name: value if name == "loss" else value.detach() for name, value in losses.items()}


def learning_rate_share(step: int, steps: int) -> float:
    """Share of the peak rate after `step` of `steps` steps: from a third to 1, then down to 0 by the power 0.9."""
    warm_up = round(WARM_UP * steps)
    if step < warm_up:
        return 1 / 3 + 2 / 3 * step / warm_up
    return float((1 - (step - warm_up) / (steps - warm_up)) ** POWER)


def fix_weights(model: nn.Module) -> None:
    """Draw fixed weights; damp the residual branches and the logits of both heads.

    P - T is multiplied by 50 on its way to the binary map, and with it the rounding of the logits.
    """
    draw_fixed_weights(model)
    damp_residual_branches(model)
    for module in model.modules():
        if isinstance(module, Heads):
            for head in (module.binarize, module.thresh):
                with torch.no_grad():
                    head.last.weight.mul_(LOGIT_SCALE)


def _training_task(
    name: str,
    backbone: str,
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    precision: str = "fp32",
    memory_format: torch.memory_format | None = None,
) -> TrainingTask:
    """DB on a backbone, trained on samples of image_size x image_size pixels.

    The memory format is that of weights and images; by default the faster one for the device and the precision.

    Raises:
        ValueError: if `image_size` is None: DB accepts any size and has no default here.
    """
    if image_size is None:
        raise ValueError("DB needs an image size: it has no fixed input size")
    layout = memory_format or fast_memory_format(device, precision)
    size = image_size
    torch.manual_seed(seed)  # weights are drawn on the CPU, the same on every device
    model = DBNet(backbone).to(device).to(memory_format=layout)
    # Fused: one pass over the weights, and on a GPU no synchronisation if a gradient scaler is in use.
    optimizer = torch.optim.Adam(model.parameters(), lr=PEAK_RATE, amsgrad=True, fused=True)
    detector = detector_for(model, size)

    def make_dataset(images: Sequence[AnnotatedImage]) -> DBDataset:
        return DBDataset(images, image_size=size, seed=seed)

    def schedule(steps: int) -> LRScheduler:
        return LambdaLR(optimizer, partial(learning_rate_share, steps=steps))

    def evaluation(held_out: AnnotatedSet) -> Evaluation:
        return detection_evaluation(detector.quadrilaterals, held_out)

    return TrainingTask(
        model=model,
        prepare=PrepareBatch(layout).to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        input_shape=(3, size, size),
        read_data=read_annotated_set,
        make_dataset=lambda data: make_dataset(data.images),
        schedule=schedule,
        evaluation=evaluation,
        reference=Reference(fix_weights, partial(fixed_batch, make_dataset), MODELS[name].reference_figures),
    )


r50_training_task = partial(_training_task, "dbr50", "resnet50")
r18_training_task = partial(_training_task, "dbr18", "resnet18")
