"""The training tasks of PARSeq and of its small form: network, optimizer and schedule of its recipe."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from ocr_models import MODELS
from ocr_models.fixed_samples import draw_fixed_weights
from ocr_models.parseq.dataset import PARSeqDataset
from ocr_models.parseq.decoder import DecoderLayer
from ocr_models.parseq.encoder import IMAGE_SIZE
from ocr_models.parseq.inference import comparable, reader_for
from ocr_models.parseq.labels import END, trained_label
from ocr_models.parseq.loss import permuted_loss
from ocr_models.parseq.model import PARSeq
from ocr_models.parseq.prepare import PrepareBatch, Targets
from ocr_models.recognition.fixed_samples import fixed_batch
from ocr_models.recognition.labels import MAX_CHARACTERS
from ocr_models.recognition.reading import read_word_set
from ocr_models.recognition.scoring import recognition_evaluation
from ocr_models.task import Reference, TrainingTask

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import WordSet

MAX_GRADIENT_NORM = 20.0

PEAK_RATE = 7e-4 * 384 / 256
"""The recipe's for one GPU with 384 samples: 7e-4 x root(GPUs) x samples per GPU / 256."""

WARM_UP = 0.075
"""Share of the steps in which the rate rises from 1/25 to its peak; then it falls to 1/250000."""

SHARPER = 4
RARE_END = 4
"""By how much the logit of the end token is lower: else it hardly matters in how many orders it is predicted."""

NOTES = (
    f"labels are padded to {MAX_CHARACTERS} characters in every batch, and read in six orders",
    "the six orders are one pass of the decoder: memory and tokens are projected once, and dropped out once",
)


class Criterion(nn.Module):
    """Logits (6, N, 26, 95) and Targets -> `loss`, a scalar."""

    def forward(self, logits: Tensor, targets: Targets) -> dict[str, Tensor]:
        return {"loss": permuted_loss(logits, *targets)}


def fix_weights(model: nn.Module) -> None:
    """Draw fixed weights, drop no value, and let the answers and what is seen of other characters matter more.

    An untrained network answers nearly the same whatever it sees. A mask that is wrong, or a loss over wrong
    targets, then changes its figures by less than the rounding of bfloat16.
    """
    assert isinstance(model, PARSeq)
    draw_fixed_weights(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        model.head.weight.mul_(SHARPER)
        model.head.bias[END] -= RARE_END
        for layer in model.decoder.layers:
            assert isinstance(layer, DecoderLayer)
            layer.self_attn.out_proj.weight.mul_(SHARPER)


def _training_task(
    name: str,
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    augment: bool = True,
) -> TrainingTask:
    """PARSeq for images of 32 x 128 pixels and 94 characters; `augment` says whether training images are augmented.

    Raises:
        ValueError: if there is an image size.
    """
    if image_size is not None:
        raise ValueError(f"the image size cannot be {image_size}: PARSeq has a fixed input size")
    torch.manual_seed(seed)  # weights are drawn on the CPU, the same on every device
    model = PARSeq(name).to(device)
    # Fused: one pass over the weights, and on a GPU no synchronisation if a gradient scaler is in use.
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.0, fused=True)

    def make_dataset(data: WordSet) -> PARSeqDataset:
        return PARSeqDataset(data.words, seed=seed, augment=augment)

    def schedule(steps: int) -> LRScheduler:
        return OneCycleLR(optimizer, PEAK_RATE, total_steps=steps + 1, pct_start=WARM_UP, cycle_momentum=False)

    return TrainingTask(
        model=model,
        prepare=PrepareBatch().to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        input_shape=(3, *IMAGE_SIZE),
        read_data=partial(read_word_set, rule=trained_label),
        make_dataset=make_dataset,
        schedule=schedule,
        evaluation=partial(recognition_evaluation, reader_for(model), comparable=comparable, both_empty=1.0),
        reference=Reference(
            fix_weights, partial(fixed_batch, make_dataset, trained_label), MODELS[name].reference_figures
        ),
        max_gradient_norm=MAX_GRADIENT_NORM,
        notes=NOTES,
    )


training_task = partial(_training_task, "parseq")
tiny_training_task = partial(_training_task, "parseqtiny")
