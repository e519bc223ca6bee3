"""The loss through torch.compile, on the CPU if there is a C++ compiler."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from fixed_batch import SIZE, label_maps
from ocr_models.psenet import PSENetLoss

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for the CPU needs g++"),
]


def test_the_compiled_loss_is_the_loss_in_one_graph() -> None:
    each_map = zip(*(label_maps(index) for index in (0, 1)), strict=True)
    maps = [torch.from_numpy(np.stack(both)).bool() for both in each_map]  # (2, S, S), (2, 6, S, S), (2, S, S)
    criterion = PSENetLoss()
    compiled = torch.compile(criterion, fullgraph=True)
    found = []
    for function in (criterion, compiled):
        logits = torch.randn(2, 7, SIZE, SIZE, generator=torch.Generator().manual_seed(0), requires_grad=True)
        losses = function(logits, *maps)
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
        assert logits.grad is not None
        found.append([logits.grad, *(losses[name].detach() for name in sorted(losses))])
    for eager, graph in zip(*found, strict=True):
        torch.testing.assert_close(graph, eager, atol=1e-6, rtol=1e-5)
