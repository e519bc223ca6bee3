"""The loss against numbers of the reference implementation: values, counts and gradients, in float64 and float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ocr_models.db import DBLoss
from parity import DB_FOLDER, Arrays, arrays, cases, needs_db_numbers, unpacked

CASES = ("all_ignored", "few_negatives", "no_text", "plain", "some_ignored")


def tensors(case: Arrays, width: int, dtype: torch.dtype) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Logits of P and T (2, 2, H, W), and the label maps (2, H, W) in the order of the loss's arguments."""

    def mask(name: str) -> Tensor:
        return torch.from_numpy(unpacked(case[name], width))

    labels = (mask("shrink_map"), mask("shrink_mask"), torch.from_numpy(case["threshold_map"]), mask("threshold_mask"))
    return torch.from_numpy(case["logits"]).to(dtype).requires_grad_(), labels


@needs_db_numbers
@pytest.mark.parametrize(
    ("dtype", "value", "map_gradient", "logit_gradient"),
    [(torch.float64, 1e-9, 1e-6, 1e-8), (torch.float32, 5e-6, 1e-3, 1e-7)],
)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(
    name: str, dtype: torch.dtype, value: float, map_gradient: float, logit_gradient: float
) -> None:
    width = int(arrays(DB_FOLDER / "loss.npz")["size"][1])
    case = cases(DB_FOLDER / "loss.npz")[name]
    logits, labels = tensors(case, width, dtype)
    probability, threshold = logits.sigmoid().unbind(1)
    maps = torch.stack((probability, threshold, torch.sigmoid(50 * (probability - threshold))), dim=1)
    maps.retain_grad()
    losses = DBLoss()(maps, *labels)
    losses["loss"].backward()
    found = [losses[key].item() for key in ("loss", "loss_probability", "loss_threshold", "loss_binary")]
    assert found == pytest.approx(case["losses"].tolist(), abs=value, rel=0)
    assert maps.grad is not None
    assert logits.grad is not None
    expected = torch.from_numpy(case["grad_maps"]).double()
    assert ((maps.grad - expected).abs() / (expected.abs() + 1e-6)).max() <= map_gradient
    torch.testing.assert_close(
        logits.grad, torch.from_numpy(case["grad_logits"]).to(dtype), atol=logit_gradient, rtol=0
    )
