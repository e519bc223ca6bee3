"""PARSeq's training step on the CPU, compared with its baseline and with a large matrix product."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.components.ratios import Ratio, ratio_of_medians, timed_in_turns
from benchmarks.components.reporting import RatioReport, component

pytestmark = component("PARSeq step")

BATCH_SIZE = 16
LONGEST = 7
MATRIX_SIZE = 4096
MATRIX_PRODUCTS = {"parseqtiny": 0.98, "parseq": 3.01}
"""The step of each size may take the time of so many products of this size."""

ROUNDS = {"parseqtiny": 6, "parseq": 2}


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("size", MATRIX_PRODUCTS)
def test_step(size: str, ratio_report: RatioReport) -> None:
    """Forward, loss, backward and optimizer on 16 images with labels of at most 7 characters.

    The suite pads labels to 25 characters. The recipe pads to the longest label of the batch, 7 characters; it is also
    timed with 25.
    """
    import torch

    from benchmarks.components.parseq.baseline.step import BaselinePARSeq, BaselineStep, baseline_loss
    from ocr_models.parseq import CHARSET, PARSeq, draw_permutations, encode, permuted_loss
    from ocr_models.parseq.model import DROPOUT, SIZES, Inputs
    from ocr_models.recognition.labels import MAX_CHARACTERS

    torch.manual_seed(0)
    model = PARSeq(size)
    baseline = BaselineStep(BaselinePARSeq(**dataclasses.asdict(SIZES[size]), dropout=DROPOUT))
    baseline.model.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0, fused=True)
    images = torch.randn(BATCH_SIZE, 3, 32, 128)
    labels = [CHARSET[n : n + 1 + n % LONGEST] for n in range(BATCH_SIZE)]
    short, fixed = encode(labels), encode(labels, width=MAX_CHARACTERS + 2)
    generator = torch.Generator().manual_seed(0)
    short_orders, fixed_orders = (draw_permutations(n, generator) for n in (LONGEST, MAX_CHARACTERS))

    def step(targets: torch.Tensor, orders: torch.Tensor) -> float:
        loss = permuted_loss(model(Inputs(images, targets[:, :-1], orders)), targets, orders)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 20, foreach=True)
        optimizer.step()
        return loss.item()

    with torch.no_grad():
        expected = baseline_loss(baseline.model.eval(), images, short, short_orders)
        found = permuted_loss(model.eval()(Inputs(images, short[:, :-1], short_orders)), short, short_orders)
    torch.testing.assert_close(found, expected)
    model.train(), baseline.model.train()
    factor = torch.randn(MATRIX_SIZE, MATRIX_SIZE)
    own, plain, plain_fixed, product = timed_in_turns(
        lambda: step(fixed, fixed_orders),
        lambda: baseline(images, short, short_orders),
        lambda: baseline(images, fixed, fixed_orders),
        lambda: torch.mm(factor, factor),
        rounds=ROUNDS[size],
    )
    name = f"time of the step of {size}"
    ratio_report.ratios.extend(
        (
            Ratio(f"{name} / matmul", ratio_of_medians(own, product), MATRIX_PRODUCTS[size], "at most"),
            Ratio(f"{name} / baseline with 7 characters", ratio_of_medians(own, plain), 1.05, "at most"),
        )
    )
    against_fixed = ratio_of_medians(own, plain_fixed)
    ratio_report.add(Ratio(f"{name} / baseline with 25 characters", against_fixed, 0.9, "at most"), own)
