"""CTC: tensor operations on a GPU, where the host never waits and no shape depends on values; a loop on the CPU.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ocr_models.crnn import ctc_logarithms, ctc_probabilities


def ctc_loss(logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The CTC loss of a batch, and of each sample.

    A label that does not fit into T steps has probability 0: its -log p is inf. In the batch's loss it counts 0, and
    it has no gradient. NaN in the logits of a sample makes its -log p and the batch's loss NaN.

    Args:
        logits: (N, T, C), before the softmax. Computed in float32 at least.
        labels: (N, L) int64, from 1 to C - 1; 0, the class of the blank, behind the end.
        lengths: (N,) int64, from 0 to L.

    Returns:
        loss: scalar, the mean over all N of -log p / max(length, 1), differentiable once.
        nll: (N,), -log p of each label, without a gradient.

    Raises:
        ValueError: if the shapes do not match, or T is 0. On the CPU also if a length is not from 0 to L, or a label
            has a class of C or more; a GPU does not check.
    """
    if logits.ndim != 3 or labels.ndim != 2 or lengths.ndim != 1 or not len(logits) == len(labels) == len(lengths):
        shapes = ", ".join(str(tuple(each.shape)) for each in (logits, labels, lengths))
        raise ValueError(f"logits, labels and lengths must be (N, T, C), (N, L) and (N,), not {shapes}")
    if not logits.shape[1]:
        raise ValueError("there are no time steps")
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    loss, nll = _CTC.apply(wide, labels, lengths)
    return loss, nll


class _CTC(torch.autograd.Function):
    """Computes the gradient at the logits together with the loss."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        slopes: Tensor | None
        if torch.compiler.is_compiling():
            nll, slopes = _in_one_operation(logits, labels, lengths)
        else:
            nll, slopes = _nll_and_slopes(logits, labels, lengths, ctx.needs_input_grad[0])
        weights = (nll != torch.inf) / (lengths.clamp(min=1) * len(lengths)).to(nll.dtype)  # (N,)
        if slopes is not None:
            ctx.save_for_backward(slopes.mul_(weights.view(-1, 1, 1)))
        ctx.mark_non_differentiable(nll)
        return nll.nan_to_num(torch.nan, posinf=0).dot(weights), nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss_gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return slopes * loss_gradient, None, None


def _nll_and_slopes(
    logits: Tensor, labels: Tensor, lengths: Tensor, with_slopes: bool = True
) -> tuple[Tensor, Tensor | None]:
    """As `ctc_logarithms.nll_and_slopes`."""
    with torch.autocast(logits.device.type, enabled=False):
        if logits.device.type == "cpu":
            return ctc_probabilities.nll_and_slopes(logits, labels, lengths, with_slopes)
        return ctc_logarithms.nll_and_slopes(logits, labels, lengths, with_slopes)


@torch.library.custom_op(
    "ocr_models::ctc", mutates_args=(), schema="(Tensor logits, Tensor labels, Tensor lengths) -> (Tensor, Tensor)"
)
def _in_one_operation(logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """One operation to a compiler, which would take minutes for the operations of all time steps."""
    nll, slopes = _nll_and_slopes(logits, labels, lengths)
    assert slopes is not None
    return nll, slopes.contiguous()


@_in_one_operation.register_fake
def _(logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    return logits.new_empty(len(logits)), torch.empty_like(logits, memory_format=torch.contiguous_format)
