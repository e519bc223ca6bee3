"""The loss against numbers of the authors' implementation: values, masks and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ocr_models.losses import hard_example_mask
from ocr_models.psenet import PSENetLoss

PARITY = Path(__file__).parents[2] / "shared" / "parity"

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity numbers are not beside this project")


def cases() -> list[str]:
    if not PARITY.is_dir():
        return []
    return sorted({key.partition(".")[0] for key in np.load(PARITY / "loss.npz").files})


@pytest.mark.parametrize("case", cases())
def test_values_masks_and_gradients(case: str) -> None:
    arrays = np.load(PARITY / "loss.npz")
    given = {key.partition(".")[2]: torch.from_numpy(arrays[key]) for key in arrays.files if key.startswith(f"{case}.")}
    logits = given["logits"].requires_grad_()
    losses = PSENetLoss()(logits, given["gt_text"], given["gt_kernels"], given["training_mask"])
    (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
    mask = hard_example_mask(logits[:, 0], given["gt_text"] > 0.5, given["training_mask"] > 0.5)
    assert torch.equal(mask, given["ohem_mask"] > 0.5)
    for name, values in losses.items():
        torch.testing.assert_close(values.detach().double(), given[name].double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.grad, given["grad"].float(), atol=1e-5, rtol=0)
