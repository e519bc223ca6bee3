"""The loss against numbers of the authors' implementation: values, masks and gradients."""

from __future__ import annotations

from pathlib import Path

import torch

from ocr_models.detection.hard_examples import hard_example_mask
from ocr_models.psenet import PSENetLoss
from parity import Arrays, cases, each_psenet_folder


@each_psenet_folder
def test_values_masks_and_gradients(folder: Path) -> None:
    found = cases(folder / "loss.npz")
    assert found
    for case in found.values():
        check(case)


def check(case: Arrays) -> None:
    stride = int(case.pop("stride", 1))  # golden gradients are reduced
    given = {name: torch.from_numpy(value) for name, value in case.items()}
    logits = given["logits"].requires_grad_()
    losses = PSENetLoss()(logits, given["gt_text"], given["gt_kernels"], given["training_mask"])
    (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
    mask = hard_example_mask(logits[:, 0], given["gt_text"] > 0.5, given["training_mask"] > 0.5)
    assert torch.equal(mask, given["ohem_mask"] > 0.5)
    for name, values in losses.items():
        torch.testing.assert_close(values.detach().double(), given[name].double(), atol=1e-5, rtol=0)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[..., ::stride, ::stride], given["grad"].float(), atol=1e-5, rtol=0)
