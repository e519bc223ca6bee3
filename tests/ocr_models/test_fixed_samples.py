"""The weights of the reference checks are the same with every release of torch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.harness.worker.probes import reference_check
from ocr_models.fixed_samples import draw_fixed_weights


@pytest.mark.parametrize("model", ["psenetr18", "dbr18", "crnnvgg128", "parseqtiny"])
def test_the_weights_do_not_depend_on_what_torch_draws(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of torch that initialises differently is like another seed."""
    networks = []
    for seed in (0, 1):
        monkeypatch.setattr(reference_check, "SEED", seed)
        task = reference_check._build(model, torch.device("cpu"), "fp32")
        assert task.reference is not None
        task.reference.fix_weights(task.model)
        networks.append(task.model.state_dict())
    assert all(
        torch.equal(first, second) for first, second in zip(networks[0].values(), networks[1].values(), strict=True)
    )


def test_fixed_weights_have_a_usual_size_and_leave_what_is_constant() -> None:
    norm = nn.BatchNorm2d(16)
    layer = nn.Conv2d(16, 64, 3)
    trained = nn.LayerNorm(64)
    nn.init.uniform_(trained.weight, 0.7, 1.2)
    draw_fixed_weights(nn.Sequential(norm, layer, trained).to(memory_format=torch.channels_last))
    assert torch.equal(norm.weight, torch.ones(16))
    assert layer.weight.std().item() == pytest.approx(144**-0.5, rel=0.05)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert layer.bias is not None
    assert 0.01 < layer.bias.abs().max() <= 0.05
    assert 0.01 < (trained.weight - 1).abs().max() <= 0.05
