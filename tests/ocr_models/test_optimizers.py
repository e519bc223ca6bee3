"""An optimiser whose first steps overflow in fp16 is, afterwards, a new one: to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models import optimizers
from ocr_models.optimizers import define_skipped_momentum

SIZE = 1 << 12
SGD = [
    {"momentum": 0.9},
    {"momentum": 0.99, "weight_decay": 5e-4},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    {"momentum": 0.9, "maximize": True},
    {"momentum": 0.0},
]


def leave_garbage() -> None:
    """Memory of the same size that other tensors have used, as in any training: the allocator gives it out again."""
    for _ in range(4):
        garbage = [torch.full((SIZE,), 3e30) for _ in range(8)]
        del garbage


def values(seed: int) -> Tensor:
    """With zeros of both signs."""
    made = torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))
    made[::7], made[1::7] = 0.0, -0.0
    return made


class Training:
    """A parameter, a fused optimiser and a gradient scaler."""

    def __init__(self, kind: Any = torch.optim.SGD, *, guarded: bool = True, **options: Any) -> None:
        self.parameter = nn.Parameter(values(0))
        self.optimizer: torch.optim.Optimizer = kind([self.parameter], lr=1e-3, fused=True, **options)
        if guarded:
            define_skipped_momentum(self.optimizer)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    def step(self, gradient: Tensor) -> None:
        leave_garbage()
        scale = self.scaler.scale(torch.ones(())).item()
        self.parameter.grad = gradient * scale
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()

    def steps(self, *, skipped_first: int, skipped_later: bool = False) -> Tensor:
        """The bits of the parameter after two steps; before them, and perhaps between them, some that overflow."""
        for _ in range(skipped_first):
            self.step(torch.full((SIZE,), float("inf")))
        self.step(values(1))
        if skipped_later:
            self.step(torch.full((SIZE,), float("nan")))
        self.step(values(2))
        return self.parameter.detach().view(torch.int32)


@pytest.mark.parametrize("options", SGD)
def test_skipped_steps_leave_no_trace(options: dict[str, Any]) -> None:
    undisturbed = Training(guarded=False, **options).steps(skipped_first=0)
    assert torch.equal(Training(**options).steps(skipped_first=0), undisturbed)
    assert torch.equal(Training(**options).steps(skipped_first=2, skipped_later=True), undisturbed)


def test_without_the_guard_torch_multiplies_what_was_in_memory() -> None:
    """If this fails, torch makes the buffers as zeros, and `ocr_models.optimizers` may go."""
    undisturbed = Training(guarded=False, **SGD[0]).steps(skipped_first=0)
    assert not torch.equal(Training(guarded=False, **SGD[0]).steps(skipped_first=1), undisturbed)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad])
def test_the_other_fused_optimisers_make_their_state_as_zeros_and_count_no_skipped_step(kind: Any) -> None:
    undisturbed = Training(kind).steps(skipped_first=0)
    disturbed = Training(kind)
    assert torch.equal(disturbed.steps(skipped_first=2, skipped_later=True), undisturbed)
    assert disturbed.optimizer.state[disturbed.parameter]["step"].item() == 2
    assert not disturbed.optimizer._optimizer_step_pre_hooks  # so they need no guard, which would take time


def test_with_dampening_only_a_skipped_first_step_changes_the_next_one() -> None:
    undisturbed = Training(guarded=False, momentum=0.9, dampening=0.5).steps(skipped_first=0)
    assert torch.equal(Training(momentum=0.9, dampening=0.5).steps(skipped_first=0), undisturbed)
    made = Training(momentum=0.9, dampening=0.5)
    made.step(torch.full((SIZE,), float("inf")))
    made.step(values(1))
    assert torch.equal(made.optimizer.state[made.parameter]["momentum_buffer"], 0.5 * values(1))


def test_a_parameter_group_that_is_added_later_is_guarded_too() -> None:
    made = Training(momentum=0.9)
    made.steps(skipped_first=0)
    late = nn.Parameter(torch.zeros(SIZE))
    made.optimizer.add_param_group({"params": [late]})
    late.grad = torch.full((SIZE,), float("inf"))
    made.step(values(3))
    assert not made.optimizer.state[late]["momentum_buffer"].any()


def test_parameters_without_momentum_are_not_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Training(momentum=0.9)
    plain = nn.Parameter(torch.zeros(SIZE), requires_grad=True)
    made.optimizer.add_param_group({"params": [plain], "momentum": 0.0})
    asked: list[Tensor] = []

    def note(optimizer: torch.optim.Optimizer, parameter: Tensor) -> Tensor | None:
        asked.append(parameter)
        return momentum_of(optimizer, parameter)

    momentum_of = optimizers._momentum
    monkeypatch.setattr(optimizers, "_momentum", note)
    plain.grad = torch.full((SIZE,), float("inf"))
    made.step(values(1))
    assert made.parameter in set(asked)
    assert plain not in set(asked)


def test_guarding_twice_is_guarding_once() -> None:
    made = Training(momentum=0.9)
    define_skipped_momentum(made.optimizer)
    assert len(made.optimizer._optimizer_step_post_hooks) == 1
