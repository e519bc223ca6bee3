"""CTC through torch.compile, on the CPU if there is a C++ compiler."""

from __future__ import annotations

import shutil

import pytest
import torch

from ocr_models.crnn import ctc_loss
from plain_ctc import random_batch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for the CPU needs g++"),
]


def test_the_compiled_loss_is_the_loss_in_one_graph() -> None:
    logits, labels, lengths = random_batch(0, 3, 7, 5, 4)
    found = []
    for function in (ctc_loss, torch.compile(ctc_loss, fullgraph=True)):
        own = logits.clone().requires_grad_()
        loss, nll = function(own, labels, lengths)
        loss.backward()
        assert own.grad is not None
        found.append((loss.detach(), nll, own.grad))
    torch.testing.assert_close(found[1], found[0])
