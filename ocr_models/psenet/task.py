"""The training tasks of PSENet: the configuration of its ICDAR 2015 experiments, and a small one for a CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ocr_models import MODELS
from ocr_models.detection.fixed_samples import fixed_batch
from ocr_models.detection.layers import ColourJitter, UnpackBits
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.resize import resize
from ocr_models.detection.scoring import detection_evaluation
from ocr_models.fixed_samples import fix_weights
from ocr_models.memory_formats import fast_memory_format
from ocr_models.psenet.dataset import PSENetDataset
from ocr_models.psenet.inference import TextDetector
from ocr_models.psenet.loss import PSENetLoss
from ocr_models.psenet.model import PSENet
from ocr_models.task import Batch, Evaluation, Reference, TrainingTask

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet

R18_PEAK_RATE = 2e-3


class Targets(NamedTuple):
    """Label maps, bool: text (N, H, W), kernels (N, 6, H, W), largest first, and training mask (N, H, W)."""

    text: Tensor
    kernels: Tensor
    training_mask: Tensor


class PrepareBatch(nn.Module):
    """A batch of PSENetDataset -> normalised images (N, 3, H, W), in the memory format of the network, and Targets."""

    def __init__(self, memory_format: torch.memory_format = torch.channels_last) -> None:
        super().__init__()
        self.memory_format = memory_format
        self.jitter = ColourJitter()
        self.unpack = UnpackBits()

    def forward(self, batch: Batch) -> tuple[Tensor, Targets]:
        images, packed, jitter = batch  # (N, H, W, 3), (N, H, W), (N, 3)
        maps = self.unpack(packed)  # (N, 8, H, W)
        images = self.jitter(images, jitter).contiguous(memory_format=self.memory_format)  # (N, 3, H, W)
        return images, Targets(maps[:, 0], maps[:, 1:7], maps[:, 7])


class Criterion(nn.Module):
    """Logits at a quarter of the targets' size -> losses and scores of PSENetLoss, (N,) each, and `loss`, a scalar."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = PSENetLoss()

    def forward(self, logits: Tensor, targets: Targets) -> dict[str, Tensor]:
        # In planes, and at least in float32, because the loss sums over whole maps.
        maps = logits.to(torch.promote_types(logits.dtype, torch.float32)).contiguous()  # (N, 7, H/4, W/4)
        full_size = resize(maps, targets.text)  # (N, 7, H, W)
        losses: dict[str, Tensor] = self.loss(full_size, *targets)
        loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
        return {"loss": loss} | {name: values.detach() for name, values in losses.items()}


def training_task(
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    precision: str = "fp32",
    memory_format: torch.memory_format | None = None,
) -> TrainingTask:
    """PSENet on ResNet-50 with its recipe's optimizer, trained on crops of image_size x image_size pixels.

    The memory format is that of weights and images; by default the faster one for the device and the precision.

    Raises:
        ValueError: if `image_size` is None: PSENet accepts any size and has no default here.
    """
    layout = memory_format or fast_memory_format(device, precision)
    model = _seeded_model(seed, device, layout)
    # Fused: one pass over the weights, and on a GPU no synchronisation if a gradient scaler is in use.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4, fused=True)

    def schedule(steps: int) -> LRScheduler:
        """A tenth of the rate after one third of the steps, a hundredth after two: epochs 200 and 400 of 600."""
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, [steps // 3, 2 * steps // 3], gamma=0.1)

    return _task(model, optimizer, schedule, MODELS["psenet"].reference_figures, image_size, seed, layout)


def r18_training_task(
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    precision: str = "fp32",
    memory_format: torch.memory_format | None = None,
) -> TrainingTask:
    """PSENet on ResNet-18 with a quarter of the neck's and head's width, for a CPU.

    Its optimizer makes it read within minutes: AdamW, whose rate rises for a fifth of the steps and then falls. The
    memory format is chosen as for `training_task`.

    Raises:
        ValueError: if `image_size` is None.
    """
    layout = memory_format or fast_memory_format(device, precision)
    model = _seeded_model(seed, device, layout, backbone="resnet18", neck_channels=64, hidden_channels=64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=R18_PEAK_RATE, weight_decay=1e-2, fused=True)

    def schedule(steps: int) -> LRScheduler:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, R18_PEAK_RATE, total_steps=steps + 1, pct_start=0.2)

    return _task(model, optimizer, schedule, MODELS["psenetr18"].reference_figures, image_size, seed, layout)


def _seeded_model(
    seed: int,
    device: torch.device,
    memory_format: torch.memory_format,
    backbone: str = "resnet50",
    neck_channels: int = 256,
    hidden_channels: int = 256,
) -> PSENet:
    """A network with weights drawn on the CPU, the same on every device. Seeds torch's global generator."""
    torch.manual_seed(seed)
    return PSENet(backbone, neck_channels, hidden_channels).to(device).to(memory_format=memory_format)


def _task(
    model: PSENet,
    optimizer: torch.optim.Optimizer,
    schedule: Callable[[int], LRScheduler],
    figures: Mapping[str, float] | None,
    image_size: int | None,
    seed: int,
    memory_format: torch.memory_format,
) -> TrainingTask:
    if image_size is None:
        raise ValueError("PSENet needs an image size: it has no fixed input size")
    size = image_size
    device = next(model.parameters()).device
    detector = TextDetector(model, short_side=size)

    def make_dataset(images: Sequence[AnnotatedImage]) -> PSENetDataset:
        return PSENetDataset(images, image_size=size, seed=seed)

    def evaluation(held_out: AnnotatedSet) -> Evaluation:
        return detection_evaluation(detector.quadrilaterals, held_out)

    return TrainingTask(
        model=model,
        prepare=PrepareBatch(memory_format).to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        input_shape=(3, size, size),
        read_data=read_annotated_set,
        make_dataset=lambda data: make_dataset(data.images),
        schedule=schedule,
        evaluation=evaluation,
        reference=Reference(fix_weights, partial(fixed_batch, make_dataset), figures),
    )
