"""What the neck and the heads compute, compared with the published form."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from ocr_models.db import DBNet
from ocr_models.db.head import Head, Heads

FORMATS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("sides", [(16, 8, 4, 2), (13, 7, 4, 2)])
def test_levels_are_merged_from_the_top_down_and_concatenated_the_finest_first(sides: tuple[int, ...]) -> None:
    """Every layer is replaced by the identity, so that only enlarging, addition and concatenation remain."""
    neck = DBNet("resnet18").neck
    for name in dict(neck.named_children()):
        setattr(neck, name, nn.Identity())
    c2, c3, c4, c5 = (torch.randn(1, 64, side, side + 1) for side in sides)

    def nearest(x: Tensor, like: Tensor) -> Tensor:
        rows, columns = (torch.arange(n) * m // n for m, n in zip(x.shape[2:], like.shape[2:], strict=True))
        return x[:, :, rows][:, :, :, columns]

    p4 = c4 + nearest(c5, c4)
    p3 = c3 + nearest(p4, c3)
    p2 = c2 + nearest(p3, c2)
    expected = torch.cat([p2, nearest(p3, p2), nearest(p4, p2), nearest(c5, p2)], dim=1)
    assert torch.equal(neck(c2, c3, c4, c5), expected)


def layer_by_layer(head: Head, x: Tensor) -> Tensor:
    """The head as it is published."""
    for layer in head:
        x = nn.ConvTranspose2d.forward(layer, x) if isinstance(layer, nn.ConvTranspose2d) else layer(x)
    return x.squeeze(1)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("size", [(5, 7), (1, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_head_computes_its_layers_one_after_another(
    bias: bool, size: tuple[int, int], memory_format: torch.memory_format
) -> None:
    """Logits, statistics, and gradients of the input and of all parameters."""
    torch.manual_seed(0)
    ours = Head(8, bias=bias).double().to(memory_format=memory_format)
    theirs = copy.deepcopy(ours)
    results = []
    for head, forward in ((ours, Head.__call__), (theirs, layer_by_layer)):
        x = torch.randn(2, 8, *size, generator=torch.Generator().manual_seed(1)).double()
        x = x.to(memory_format=memory_format).requires_grad_()
        logits = forward(head, x)
        (logits * torch.arange(logits.numel()).view_as(logits).sin()).sum().backward()
        results.append((logits, x.grad, [each.grad for each in head.parameters()], head.state_dict()))
    assert results[0][0].shape == (2, 4 * size[0], 4 * size[1])
    torch.testing.assert_close(*results)


def test_the_probability_heads_first_convolution_alone_has_a_bias() -> None:
    heads = Heads(8)
    assert heads.binarize[0].bias is not None
    assert heads.thresh[0].bias is None
    assert all(head[layer].bias is not None for head in (heads.binarize, heads.thresh) for layer in (3, 6))
