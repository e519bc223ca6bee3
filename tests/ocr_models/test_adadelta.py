"""Adadelta is torch's, and a step that a gradient scaler skips leaves no trace."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models.optimizers import Adadelta

SHAPES = [(7,), (5, 3), (4, 2, 3, 3), (300, 70)]
RECIPE: dict[str, Any] = {"lr": 1.0, "rho": 0.95, "eps": 1e-8}


def parameters(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(shape, generator=generator, dtype=dtype) for shape in SHAPES]
    made[2] = made[2].to(memory_format=torch.channels_last)
    return [nn.Parameter(each) for each in made]


def set_gradients(parameters: list[nn.Parameter], seed: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for each in parameters:
        gradient = torch.randn(each.shape, generator=generator, dtype=each.dtype) * scale
        each.grad = torch.empty_like(each).copy_(gradient)


def everything(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Parameters and state."""
    kept = optimizer.param_groups[0]["params"]
    return [each.detach().clone() for each in kept] + [
        value.clone() for each in kept for _, value in sorted(optimizer.state[each].items())
    ]


def trained(optimizer: torch.optim.Optimizer, steps: range = range(1, 6)) -> torch.optim.Optimizer:
    for seed in steps:
        set_gradients(optimizer.param_groups[0]["params"], seed)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize(
    "options", [RECIPE, {"lr": 0.02, "weight_decay": 0.1}, {**RECIPE, "lr": torch.tensor(0.5, dtype=torch.float64)}]
)
def test_values_and_state_are_those_of_torch(options: dict[str, Any]) -> None:
    expected = trained(torch.optim.Adadelta(parameters(), **options))
    found = trained(Adadelta(parameters(), **options))
    torch.testing.assert_close(everything(found), everything(expected), rtol=1e-12, atol=1e-14)
    names = [set(each.state[each.param_groups[0]["params"][0]]) for each in (expected, found)]
    assert names[0] == names[1]


def test_a_checkpoint_of_torch_can_be_loaded() -> None:
    expected = trained(torch.optim.Adadelta(parameters(), **RECIPE))
    found = Adadelta([nn.Parameter(each.detach().clone()) for each in expected.param_groups[0]["params"]])
    found.load_state_dict(copy.deepcopy(expected.state_dict()))
    more = range(6, 8)
    torch.testing.assert_close(
        everything(trained(found, more)), everything(trained(expected, more)), rtol=1e-12, atol=0
    )


def test_parameters_without_a_gradient_and_of_several_types_are_updated_as_by_torch() -> None:
    made = []
    for kind in (torch.optim.Adadelta, Adadelta):
        mixed = [*parameters(), *parameters(torch.float32)]
        set_gradients(mixed, 1)
        mixed[0].grad = None
        optimizer = kind(mixed, **RECIPE)
        optimizer.step()
        assert not optimizer.state[mixed[0]]
        made.append([each.detach() for each in mixed])
    torch.testing.assert_close(made[1], made[0], rtol=1e-6, atol=1e-7)


def test_a_closure_yields_the_loss() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = Adadelta([weight])

    def closure() -> float:
        weight.sum().backward()
        return 7.0

    assert optimizer.step(closure) == 7.0
    assert (weight < 1).all()


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_skipped_steps_leave_no_trace(dtype: torch.dtype, clipped: bool) -> None:
    """To the last bit, also if clipping has made NaN of the infinite gradients."""
    undisturbed = scaled(dtype, [1.0, 1.0, 1.0], clipped)
    infinite, nan = float("inf"), float("nan")
    disturbed = scaled(dtype, [infinite, 1.0, nan, 1.0, infinite, 1.0], clipped)
    assert len(disturbed) == 4 * len(SHAPES)
    assert all(torch.equal(one, other) for one, other in zip(disturbed, undisturbed, strict=True))


def scaled(dtype: torch.dtype, factors: list[float], clipped: bool) -> list[Tensor]:
    """Parameters and state after steps with a gradient scaler, whose gradients are multiplied by the factors."""
    optimizer, scaler = Adadelta(parameters(dtype), **RECIPE), torch.amp.GradScaler("cpu", init_scale=4.0)
    owned, good = optimizer.param_groups[0]["params"], 0
    for factor in factors:
        good += factor == 1
        set_gradients(owned, good, scaler.scale(torch.ones(())).item())
        for each in owned[1:]:
            each.grad.mul_(factor)
        if clipped:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(owned, 5.0)
        scaler.step(optimizer)
        scaler.update()
    assert all(optimizer.state[each]["step"] == good for each in owned)
    return everything(optimizer)


def test_the_scale_does_not_change_the_step() -> None:
    """A power of 2 only moves the exponents."""
    found = scaled(torch.float64, [1.0, 1.0], clipped=False)
    expected = trained(Adadelta(parameters(), **RECIPE), range(1, 3))
    assert all(torch.equal(one, other) for one, other in zip(found, everything(expected), strict=True))
