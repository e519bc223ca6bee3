"""The operations whose cost on a GPU is in doubt: PSENet's wide convolutions, its resizes and batch norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.cases import Case
from benchmarks.first_look.sizes import PieceOptions, Sizes, piece_options
from benchmarks.first_look.timing import seconds_per_call
from benchmarks.harness.worker.backends import prepare_torch
from ocr_models.detection.resize import interpolation_weights, resize

PLANES, PIXELS = torch.contiguous_format, torch.channels_last
FORMATS = {PLANES: "planes", PIXELS: "channels_last"}


class Variant(NamedTuple):
    """A data type and a memory format."""

    dtype: torch.dtype
    layout: torch.memory_format

    def __str__(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')} {FORMATS[self.layout]}"


class Timer:
    """Times an operation in both directions."""

    def __init__(self, options: PieceOptions) -> None:
        self.device = torch.device(options.device)
        self.sizes, self._found = options.sizes, options.findings
        side = options.image_side
        assert side is not None, "PSENet takes images of several sizes"
        self.image_side = side

    def random(self, variant: Variant, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device, dtype=variant.dtype).to(memory_format=variant.layout)

    def add(self, name: str, function: Callable[[Tensor], Tensor], x: Tensor, *weights: Tensor, flops: int = 0) -> None:
        """Time forward and backward; with FLOPs of the forward pass as rates, else in milliseconds."""
        x = x.requires_grad_()
        gradient = torch.randn_like(function(x))
        forward = seconds_per_call(lambda: function(x), self.device, self.sizes.repeats)
        both = seconds_per_call(
            lambda: torch.autograd.grad(function(x), (x, *weights), gradient), self.device, self.sizes.repeats
        )
        self._add(f"{name}: forward", forward, flops)
        self._add(f"{name}: backward", both - forward, 2 * flops)

    def _add(self, name: str, seconds: float, flops: int) -> None:
        if seconds <= 0:  # a difference of two times
            self._found.add(name, "not measurable")
        elif flops:
            self._found.add(name, flops / seconds / 1e12, "TFLOP/s")
        else:
            self._found.add(name, 1e3 * seconds, "ms")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the figures, the most important ones first."""
    options = piece_options(arguments)
    prepare_torch(Case("psenet", "sp", 1, "fp32", device=options.device))
    timer = Timer(options)
    half = [Variant(torch.bfloat16, PIXELS)] if options.device == "cuda" else []
    single = [Variant(torch.float32, PLANES), Variant(torch.float32, PIXELS)]
    variants = [*half, *reversed(single)]
    for variant in half:
        convolutions(timer, variant)
    for variant in variants:
        batch_norm(timer, variant)
    resizes(timer, variants)
    if options.device == "cuda" and not options.small:
        resizes(timer, variants, compiled=True)
    # Last: on an H200, cuDNN's search for the fastest float32 convolution in channels_last took more than two minutes.
    for variant in single:
        convolutions(timer, variant)


def convolutions(timer: Timer, variant: Variant) -> None:
    """The head's convolution, and a narrow one of the backbone, at a quarter of the image's size."""
    batch, side = timer.sizes.batch, timer.image_side // 4
    for inputs, outputs in timer.sizes.convolutions:
        x, weight = timer.random(variant, batch, inputs, side, side), timer.random(variant, outputs, inputs, 3, 3)
        weight.requires_grad_()
        flops = 2 * 9 * inputs * outputs * side * side * batch

        def convolution(x: Tensor, weight: Tensor = weight) -> Tensor:
            return F.conv2d(x, weight, padding=1)

        timer.add(f"convolution 3x3 {inputs} to {outputs}, {variant}", convolution, x, weight, flops=flops)


def batch_norm(timer: Timer, variant: Variant) -> None:
    """Training mode, on the largest feature of the backbone."""
    side = timer.image_side // 4
    x = timer.random(variant, timer.sizes.batch, timer.sizes.pyramid, side, side)
    timer.add(f"batch norm, {variant}", nn.BatchNorm2d(x.shape[1], device=timer.device), x)


def resizes(timer: Timer, variants: list[Variant], *, compiled: bool = False) -> None:
    """Each resize of the step: by torch, as two matrix products, and as the suite does it, the gradient as products."""
    way = "compiled" if compiled else "eager"
    for name, factor, variant, channels in _resizes(timer.sizes, variants):
        side = timer.image_side if name == "loss" else timer.image_side // 4
        x = timer.random(variant, timer.sizes.batch, channels, side // factor, side // factor)
        rows = interpolation_weights(side // factor, side, x.dtype, x.device).t().contiguous()

        def by_torch(x: Tensor, side: int = side) -> Tensor:
            return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)

        def by_products(x: Tensor, rows: Tensor = rows) -> Tensor:
            return torch.matmul(torch.matmul(rows, x), rows.t())

        def by_suite(x: Tensor, side: int = side) -> Tensor:
            return resize(x, x.new_empty(side, side))

        ways: dict[str, Callable[[Tensor], Tensor]] = {
            "interpolate": by_torch,
            "two products": by_products,
            "suite": by_suite,
        }
        for kind, function in ways.items():
            called = torch.compile(function, dynamic=False) if compiled else function
            timer.add(f"resize {name} x{factor}, {variant}, {kind}, {way}", called, x.detach())


def _resizes(sizes: Sizes, variants: list[Variant]) -> list[tuple[str, int, Variant, int]]:
    """Name, factor, variant and channels of each."""
    pyramid = [("pyramid", factor, variant, sizes.pyramid) for factor in (2, 8) for variant in variants[:2]]
    return [*pyramid, ("loss", 4, Variant(torch.float32, PLANES), 7)]


if __name__ == "__main__":
    main()
