"""What one step of PSENet must come to on the suite's fixed images: `python -m benchmarks.fingerprint psenet`."""

from __future__ import annotations

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

BRANCH_WEIGHT = 0.1

PSENET = {
    "loss": 0.7359692043409705,
    "loss_text": 0.6092227477907767,
    "loss_kernels": 0.12674645655019376,
    "gradient_norm": 8.140647992195387,
    "parameters": 192,
}

PSENET_SMALL = {
    "loss": 0.6590491995027313,
    "loss_text": 0.5090669804136911,
    "loss_kernels": 0.1499822190890402,
    "gradient_norm": 8.172615942445946,
    "parameters": 96,
}


def fix_weights(model: nn.Module) -> None:
    """Let each residual block add a tenth of its branch. As they are drawn, blocks add all of it, and what bfloat16
    rounds off grows from block to block until the gradient is a third off."""
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, BRANCH_WEIGHT)
        elif isinstance(module, BasicBlock):
            nn.init.constant_(module.bn2.weight, BRANCH_WEIGHT)
