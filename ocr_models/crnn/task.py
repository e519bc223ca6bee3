"""The training tasks of CRNN: on a ResNet, on the VGG of the paper, and on a narrow VGG that learns on a CPU."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR

from ocr_models import MODELS
from ocr_models.crnn.ctc import ctc_loss
from ocr_models.crnn.dataset import HEIGHT, WIDTH, CRNNDataset
from ocr_models.crnn.inference import reader_for
from ocr_models.crnn.labels import trained_label
from ocr_models.crnn.model import CRNN
from ocr_models.crnn.prepare import PrepareBatch, Targets
from ocr_models.fixed_samples import fix_weights
from ocr_models.memory_formats import fast_memory_format
from ocr_models.optimizers import Adadelta
from ocr_models.recognition.fixed_samples import fixed_batch
from ocr_models.recognition.reading import read_word_set
from ocr_models.recognition.scoring import recognition_evaluation
from ocr_models.task import Reference, TrainingTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocr_models.recognition.word_set import WordSet

MAX_GRADIENT_NORM = 5.0
PEAK_RATE = 2e-3
"""Of the narrow model. Its rate rises for a tenth of the steps and then falls; the others keep Adadelta's 1."""


class Network(NamedTuple):
    """A form of CRNN; the arguments of the class `CRNN`."""

    backbone: str
    width: int = 512
    hidden: int = 256


class Criterion(nn.Module):
    """Logits (N, T, 37) and Targets -> `loss`, a scalar, and `infeasible` (N,), 1 where no path fits the label."""

    def forward(self, logits: Tensor, targets: Targets) -> dict[str, Tensor]:
        loss, nll = ctc_loss(logits, *targets)
        return {"loss": loss, "infeasible": nll.isposinf().to(logits.dtype)}


def adadelta(model: nn.Module) -> tuple[torch.optim.Optimizer, Callable[[int], LRScheduler]]:
    """The recipe's optimizer; its rate stays as it is."""
    optimizer = Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-8)
    return optimizer, lambda steps: ConstantLR(optimizer, factor=1.0, total_iters=steps)


def adamw(model: nn.Module) -> tuple[torch.optim.Optimizer, Callable[[int], LRScheduler]]:
    """What makes the narrow model read within minutes."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, fused=True)
    return optimizer, lambda steps: OneCycleLR(optimizer, PEAK_RATE, total_steps=steps + 1, pct_start=0.1)


def _training_task(
    name: str,
    network: Network,
    optimize: Callable[[nn.Module], tuple[torch.optim.Optimizer, Callable[[int], LRScheduler]]],
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    precision: str = "fp32",
    memory_format: torch.memory_format | None = None,
) -> TrainingTask:
    """CRNN for grey images of 32 x 100 pixels and 36 characters.

    The memory format is that of weights and images; by default the faster one for the device and the precision.

    Raises:
        ValueError: if there is an image size.
    """
    if image_size is not None:
        raise ValueError(f"the image size cannot be {image_size}: CRNN has a fixed input size")
    layout = memory_format or fast_memory_format(device, precision)
    torch.manual_seed(seed)  # weights are drawn on the CPU, the same on every device
    model = CRNN(**network._asdict()).to(device).to(memory_format=layout)
    optimizer, schedule = optimize(model)

    def make_dataset(data: WordSet) -> CRNNDataset:
        return CRNNDataset(data.words, seed=seed)

    return TrainingTask(
        model=model,
        prepare=PrepareBatch().to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        input_shape=(1, HEIGHT, WIDTH),
        read_data=partial(read_word_set, rule=trained_label),
        make_dataset=make_dataset,
        schedule=schedule,
        evaluation=partial(recognition_evaluation, reader_for(model)),
        reference=Reference(
            fix_weights, partial(fixed_batch, make_dataset, trained_label), MODELS[name].reference_figures
        ),
        max_gradient_norm=MAX_GRADIENT_NORM,
    )


training_task = partial(_training_task, "crnn", Network("resnet"), adadelta)
vgg_training_task = partial(_training_task, "crnnvgg", Network("vgg"), adadelta)
vgg128_training_task = partial(_training_task, "crnnvgg128", Network("vgg", 128, 64), adamw)
