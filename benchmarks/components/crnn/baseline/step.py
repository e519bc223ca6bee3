"""CRNN's training step, as a first version would be written: the baseline for the suite's own step.

The network is torch's own layers, one after another, in the default memory format. The optimizer updates one parameter
after another.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock


class BaselineCRNN(nn.Module):
    """Grey images (N, 1, 32, W) -> logits (N, T, 37).

    Its modules have the names of those of `ocr_models.crnn.CRNN`, so that each can have the other's weights.

    Args:
        backbone: "resnet" or "vgg".
        width: channels of the features.
        hidden: size of the state of an LSTM in each direction.
    """

    def __init__(self, backbone: str, width: int = 512, hidden: int = 256) -> None:
        super().__init__()
        convolutions = _BaselineResNet(width) if backbone == "resnet" else _baseline_vgg(width)
        self.FeatureExtraction = nn.ModuleDict({"ConvNet": convolutions})
        self.SequenceModeling = nn.Sequential(_BaselineLSTM(width, hidden), _BaselineLSTM(hidden, hidden))
        self.Prediction = nn.Linear(hidden, 37)

    def forward(self, images: Tensor) -> Tensor:
        x = self.FeatureExtraction["ConvNet"](images)  # (N, width, 1, T)
        x = x.mean(dim=2).permute(0, 2, 1)
        logits: Tensor = self.Prediction(self.SequenceModeling(x))
        return logits


class _BaselineLSTM(nn.Module):
    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.linear(self.rnn(x)[0])
        return outputs


class _BaselineResNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        convolutions = {
            "0_1": nn.Conv2d(1, width // 16, 3, padding=1, bias=False),
            "0_2": nn.Conv2d(width // 16, width // 8, 3, padding=1, bias=False),
            "1": nn.Conv2d(width // 4, width // 4, 3, padding=1, bias=False),
            "2": nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False),
            "3": nn.Conv2d(width, width, 3, padding=1, bias=False),
            "4_1": nn.Conv2d(width, width, 2, stride=(2, 1), padding=(0, 1), bias=False),
            "4_2": nn.Conv2d(width, width, 2, bias=False),
        }
        for name, convolution in convolutions.items():
            self.add_module(f"conv{name}", convolution)
            self.add_module(f"bn{name}", nn.BatchNorm2d(convolution.out_channels))
        self.layer1 = _stage(width // 8, width // 4, 1)
        self.layer2 = _stage(width // 4, width // 2, 2)
        self.layer3 = _stage(width // 2, width, 5)
        self.layer4 = _stage(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self._step("0_2", self._step("0_1", x)), 2)
        x = F.max_pool2d(self._step("1", self.layer1(x)), 2)
        x = F.max_pool2d(self._step("2", self.layer2(x)), 2, stride=(2, 1), padding=(0, 1))
        x = self.layer4(self._step("3", self.layer3(x)))
        return self._step("4_2", self._step("4_1", x))

    def _step(self, name: str, x: Tensor) -> Tensor:
        convolution, norm = self.get_submodule(f"conv{name}"), self.get_submodule(f"bn{name}")
        return F.relu(norm(convolution(x)))


def _stage(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    shortcut = None
    if inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
    blocks = [BasicBlock(inputs, outputs, downsample=shortcut)]
    return nn.Sequential(*blocks, *(BasicBlock(outputs, outputs) for _ in range(depth - 1)))


def _baseline_vgg(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, width // 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width // 8, width // 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width // 4, width // 2, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width // 2, width // 2, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(width // 2, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(width, width, 2),
        nn.ReLU(),
    )


def baseline_loss(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    """CTC by torch. Logits (N, T, C), labels (N, L) padded, lengths (N,) -> scalar."""
    steps = torch.full((len(logits),), logits.shape[1])
    probabilities = logits.log_softmax(2).permute(1, 0, 2)  # (T, N, C)
    return F.ctc_loss(probabilities, labels, steps, lengths, zero_infinity=True)


def example_batch(batch_size: int) -> list[Tensor]:
    """Images (N, 1, 32, 100) of noise, labels (N, 25) of 3 to 9 characters, and their lengths (N,)."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, 1, 32, 100, generator=generator).clamp(-1, 1)
    labels = torch.randint(1, 37, (batch_size, 25), generator=generator)
    lengths = torch.randint(3, 10, (batch_size,), generator=generator)
    return [images, labels * (torch.arange(25) < lengths[:, None]), lengths]


class BaselineStep:
    """A model and its optimizer, trained on batches as those of `example_batch`."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-8)

    def __call__(self, images: Tensor, labels: Tensor, lengths: Tensor) -> float:
        """One step -> the loss as a number, which waits for the device."""
        loss = baseline_loss(self.model(images.to(self.device)), labels, lengths)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5)
        self.optimizer.step()
        return loss.item()
