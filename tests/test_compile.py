"""The measured step through torch.compile, on the CPU where a C++ compiler is."""

from __future__ import annotations

import shutil

import pytest
import torch

from benchmarks.pages import text_maps
from ocr_models.psenet import PSENetLoss

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for the CPU needs g++"),
]


def test_the_compiled_loss_is_the_loss_in_one_graph() -> None:
    maps = [torch.from_numpy(each).bool() for each in text_maps(2, 64)]
    criterion = PSENetLoss()
    compiled = torch.compile(criterion, fullgraph=True)
    found = []
    for function in (criterion, compiled):
        logits = torch.randn(2, 7, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
        losses = function(logits, *maps)
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
        found.append([logits.grad, *(losses[name].detach() for name in sorted(losses))])
    for eager, graph in zip(*found, strict=True):
        torch.testing.assert_close(graph, eager, atol=1e-6, rtol=1e-5)
