"""Small trainings that are interrupted and resumed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR

from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.worker.trainer import Trainer
from benchmarks.harness.worker.training_state import TrainingIdentity, TrainingState
from samples import CONVERGENCE_CASE, planned_run, scores

IDENTITY: TrainingIdentity = {"case": CONVERGENCE_CASE, "seed": 0, "steps": 160, "image_size": 320, "data": "abc"}
PARAMETERS = ConvergenceParameters(target=0.7, metric="hmean", evaluations=10, folder="", resume=True)
RECIPES = ("sgd", "adamw")


def interrupted(step: int = 32) -> TrainingState:
    """The state after two evaluations of 160 steps."""
    return TrainingState(step=step, training_seconds=40.0, losses=[{"loss": 0.5}] * step, scores=scores(0.1, 0.2))


def small_trainer(
    recipe: str = "sgd", *, scaled: bool = True, fused: bool | None = None, model: nn.Module | None = None
) -> Trainer:
    """By the official recipe, SGD and a rate that falls in steps, or by that of the CPU case; with a scaler."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1) if model is None else model
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    if recipe == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-1, momentum=0.99, weight_decay=5e-4, fused=True)
        schedule = MultiStepLR(optimizer, [2, 4], gamma=0.1)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)
        schedule = OneCycleLR(optimizer, 1e-2, total_steps=161)
    made = SimpleNamespace(
        case=planned_run(CONVERGENCE_CASE).case,
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        scaler=torch.amp.GradScaler("cpu", enabled=scaled),
    )
    return cast(Trainer, made)


def train(made: Trainer, steps: range) -> Tensor:
    """Noisy steps; step 1 overflows and halves the scale. Returns the weights."""
    assert made.schedule is not None
    for step in steps:
        inputs = torch.full((1, 3), float("inf")) if step == 1 and made.scaler.is_enabled() else torch.rand(1, 3) + step
        made.scaler.scale(made.model(inputs).sum()).backward()
        made.scaler.step(made.optimizer)
        made.scaler.update()
        made.optimizer.zero_grad()
        made.schedule.step()
    weight = made.model.weight
    assert isinstance(weight, Tensor)
    return weight.detach()
