"""The loss of DB through torch.compile, on the CPU if there is a C++ compiler."""

from __future__ import annotations

import shutil

import pytest
import torch

from ocr_models.db import DBLoss
from plain_db_loss import NAMES, random_labels, random_maps

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for the CPU needs g++"),
]

SHAPE = (2, 32, 40)


def test_the_compiled_loss_is_the_loss_in_one_graph() -> None:
    labels = random_labels(0, SHAPE)
    criterion = DBLoss()
    compiled = torch.compile(criterion, fullgraph=True)
    found = []
    for function in (criterion, compiled):
        maps = random_maps(0, SHAPE, dtype=torch.float32).requires_grad_()
        losses = function(maps, *labels)
        losses["loss"].backward()
        assert maps.grad is not None
        found.append([maps.grad, *(losses[name].detach() for name in NAMES)])
    for eager, graph in zip(*found, strict=True):
        torch.testing.assert_close(graph, eager, atol=1e-6, rtol=1e-5)
