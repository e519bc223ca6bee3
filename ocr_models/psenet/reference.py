"""What one step of PSENet must come to on the suite's fixed images: `python -m benchmarks.fingerprint psenet`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.task import Batch

BRANCH_WEIGHT = 0.1

PSENET = {
    "loss": 0.6162983748341586,
    "loss_text": 0.4791302464222703,
    "loss_kernels": 0.13716812841188833,
    "gradient_norm": 9.541622255927104,
    "parameters": 192,
    "targets": 3.076693650907591,
}

PSENET_SMALL = {
    "loss": 0.6162199328508129,
    "loss_text": 0.48350810582572484,
    "loss_kernels": 0.1327118270250881,
    "gradient_norm": 5.14613709622085,
    "parameters": 96,
    "targets": 3.076693650907591,
}


def fix_weights(model: nn.Module) -> None:
    """Let each residual block add a tenth of its branch. As they are drawn, blocks add all of it, and what bfloat16
    rounds off grows from block to block until the gradient is a third off."""
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, BRANCH_WEIGHT)
        elif isinstance(module, BasicBlock):
            nn.init.constant_(module.bn2.weight, BRANCH_WEIGHT)


def fix_pixels(batch: Batch) -> Batch:
    """Waves in the place of the images of a batch of PSENetDataset, others in each channel and sample."""
    images, *others = batch  # (N, H, W, 3)
    n, y, x, c = np.indices(images.shape, dtype=np.float64)
    waves = 128 + 50 * np.sin(x / (3 + 2 * c) + n) * np.cos(y / (4 + c)) + 40 * np.sin((x + y) / (1.5 + 0.6 * c) - n)
    return torch.from_numpy(np.rint(waves).astype(np.uint8)), *others
