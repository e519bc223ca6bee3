"""The CRNN network: a convolutional backbone, two bidirectional LSTMs over the columns, and a classifier.

Source: Shi et al., "An End-to-End Trainable Neural Network for Image-based Sequence Recognition and Its Application to
Scene Text Recognition", TPAMI 2017, in the form of clovaai/deep-text-recognition-benchmark, None-ResNet-BiLSTM-CTC and
None-VGG-BiLSTM-CTC. Modules have the names of that implementation, so that its weights can be loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ocr_models.batch_norm import batch_norms, count_batch
from ocr_models.crnn.recurrent import RecurrentLayer
from ocr_models.crnn.resnet import ResNet
from ocr_models.crnn.vgg import vgg

IMAGE_HEIGHT = 32
BACKBONES: dict[str, Callable[[int, int], nn.Module]] = {"resnet": ResNet, "vgg": vgg}


class CRNN(nn.Module):
    """Images (N, channels, 32, W), values from -1 to 1 -> logits (N, T, classes), one row per time step.

    T is W/4 + 1 with the backbone "resnet" and W/4 - 1 with "vgg", W/4 rounded down. The logits are float32 also under
    autocast, and float64 if the weights are.

    Args:
        backbone: "resnet" or "vgg".
        classes: number of characters, and the blank.
        channels: of the images: 1 if they are grey.
        width: channels of the features, a multiple of 16. The other convolutions have widths in proportion.
        hidden: size of the state of an LSTM in each direction.

    Raises:
        ValueError: for an unknown backbone, or a width that is not a multiple of 16; in a forward pass, for images that
            are not 32 pixels high.
    """

    def __init__(
        self, backbone: str = "resnet", classes: int = 37, channels: int = 1, width: int = 512, hidden: int = 256
    ) -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise ValueError(f"backbone {backbone!r} is not known: choose one of {', '.join(sorted(BACKBONES))}")
        if width < 16 or width % 16:
            raise ValueError(f"width must be a multiple of 16, not {width}")
        self.FeatureExtraction = nn.Sequential(OrderedDict(ConvNet=BACKBONES[backbone](channels, width)))
        self.SequenceModeling = nn.Sequential(
            RecurrentLayer(width, hidden, hidden), RecurrentLayer(hidden, hidden, hidden)
        )
        self.Prediction = nn.Linear(hidden, classes)
        self.apply(_draw)
        self.batch_norms = batch_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        count_batch(self.batch_norms)
        logits: Tensor = self.Prediction(self.SequenceModeling(self.features(images)))  # (N, T, classes)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def features(self, images: Tensor) -> Tensor:
        """Images (N, channels, 32, W) -> features of the columns (N, T, width), the input of the first LSTM."""
        if images.shape[2] != IMAGE_HEIGHT:
            raise ValueError(f"images must be {IMAGE_HEIGHT} pixels high, not {images.shape[2]}")
        features: Tensor = self.FeatureExtraction(images)  # (N, width, 1, T)
        return features.squeeze(2).transpose(1, 2)


def _draw(module: nn.Module) -> None:
    """Draw weights from a normal distribution of variance 2 / inputs; biases are 0. For `nn.Module.apply`.

    This is He's initialisation by the fan in. Weights of batch norms remain 1.
    """
    for name, parameter in module.named_parameters(recurse=False):
        if "bias" in name:
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
