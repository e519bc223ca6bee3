"""What a criterion returns is judged in words of the model's author, not by what later operations cannot do with it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.harness.worker.losses import MAX_LOSSES, checked_losses

CPU = torch.device("cpu")
LOSS = torch.tensor(0.5, requires_grad=True)


def many(count: int) -> dict[str, Tensor]:
    return {"loss": LOSS, **{f"score_{number}": torch.ones(2) for number in range(count - 1)}}


@pytest.mark.parametrize(
    "losses",
    [
        {"loss": LOSS},
        {"loss": LOSS.view(1).half()},
        {"loss": LOSS.double(), "hits": torch.tensor([True]), "count": torch.arange(3)},
        many(MAX_LOSSES),
    ],
)
def test_what_can_be_trained_on_and_recorded_is_returned(losses: dict[str, Tensor]) -> None:
    assert checked_losses(losses, CPU) is losses


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (LOSS, "returned a Tensor: it must return a dict"),
        ((LOSS, {}), "returned a tuple"),
        ({}, "returned nothing"),
        ({"total": LOSS}, "returned 'total': it must"),
        ({"loss": LOSS, "rate": 0.5}, "returned 'rate', a float"),
        ({"loss": 0.5}, "returned 'loss', a float"),
        ({"loss": LOSS, "score": None}, "returned 'score', a NoneType"),
        ({"loss": LOSS, 3: LOSS}, "returned 3, a Tensor"),
        ({"loss": LOSS, "score": torch.empty(1, device="meta")}, "returned 'score' on meta, not on cpu"),
        ({"loss": LOSS.expand(2)}, r"returned 'loss', float32 of shape \(2,\)"),
        ({"loss": torch.tensor(3)}, "returned 'loss', int64 of shape"),
        ({"loss": torch.complex(LOSS, LOSS)}, "returned 'loss', complex64"),
        ({"loss": LOSS.detach()}, "depends on no parameter"),
        # One more fits into the clock's row, but not together with the scale of fp16.
        (many(MAX_LOSSES + 1), "returned 17 losses: at most 16"),
    ],
)
def test_what_cannot_be_is_named_in_one_line(losses: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        checked_losses(losses, CPU)
    assert "\n" not in str(error.value)
