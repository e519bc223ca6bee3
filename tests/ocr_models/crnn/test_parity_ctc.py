"""CTC against numbers of the reference implementation: values and gradients at the logits."""

from __future__ import annotations

import pytest
import torch

from ocr_models.crnn import ctc_loss
from parity import CRNN_FOLDER, cases, needs_crnn_numbers

NAMES = (
    "all_infeasible",
    "confident",
    "empty",
    "just_fits",
    "narrow",
    "normal",
    "one_sample",
    "repeated",
    "single",
    "too_long",
    "wide_mixed_case",
)


@needs_crnn_numbers
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients(name: str, dtype: torch.dtype) -> None:
    case = {key: torch.from_numpy(value) for key, value in cases(CRNN_FOLDER / "loss.npz")[name].items()}
    logits = case["logits"].to(dtype).requires_grad_()
    loss, nll = ctc_loss(logits, case["text"], case["length"].long())
    loss.backward()
    torch.testing.assert_close(nll, case["nll"].to(dtype), rtol=1e-5, atol=0)
    torch.testing.assert_close(loss.detach(), case["loss"].to(dtype), rtol=1e-5, atol=0)
    torch.testing.assert_close(logits.grad, case["grad"].to(dtype), rtol=0, atol=1e-5)
