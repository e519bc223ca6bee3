"""What one step must come to: the references are right, right steps pass in every precision, defects are caught."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness import fingerprint as fingerprints
from benchmarks.harness import trainer as trainers
from benchmarks.harness.failures import wrong_result
from benchmarks.harness.fingerprint import fingerprint, fixed_batch, fixed_task, reference_figures
from benchmarks.plain.step import plain_losses
from ocr_models.psenet import dataset, draw_targets
from ocr_models.psenet.model import FeaturePyramid
from ocr_models.psenet.reference import PSENET, PSENET_SMALL
from ocr_models.psenet.task import Criterion
from ocr_models.task import TrainingStep

CPU = torch.device("cpu")
REFERENCES = {"psenet": PSENET, "psenetsmall": PSENET_SMALL}


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("model", REFERENCES)
def test_the_references_are_what_the_models_compute_in_float64(model: str, tmp_path: Path) -> None:
    found = reference_figures(model, tmp_path)
    assert found == pytest.approx(REFERENCES[model], rel=1e-6)


@pytest.mark.parametrize("model", REFERENCES)
def test_the_references_are_the_recipes(model: str, tmp_path: Path) -> None:
    """The plain losses, written from the recipe, on the same network in float64."""
    task = fixed_task(model, CPU, tmp_path)
    images, targets = task.prepare(fixed_batch(task))
    logits = task.model.double()(images.double())
    maps = F.interpolate(logits, size=images.shape[2:], mode="bilinear", align_corners=False)
    losses = plain_losses(maps, *(each.long() for each in targets))
    loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
    loss.backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in task.model.parameters()])
    expected = REFERENCES[model]
    assert loss.item() == pytest.approx(expected["loss"], rel=1e-6)
    assert losses["loss_text"].mean().item() == pytest.approx(expected["loss_text"], rel=1e-6)
    assert losses["loss_kernels"].mean().item() == pytest.approx(expected["loss_kernels"], rel=1e-6)
    assert gradient.norm().item() == pytest.approx(expected["gradient_norm"], rel=1e-5)


def test_the_fixed_samples_hold_what_they_are_to_show(tmp_path: Path) -> None:
    task = fixed_task("psenetsmall", CPU, tmp_path)
    _, targets = task.prepare(fixed_batch(task))
    assert targets.text.flatten(1).any(1).all()
    assert targets.kernels[:, -1].flatten(1).any(1).all()
    assert not targets.training_mask.flatten(1).all(1).any()
    assert draw_targets([], [], (8, 8))[2].all()  # and an image without a text has all of its mask


def judged(model: str, precision: str, folder: Path) -> str | None:
    return wrong_result(fingerprint(parse_case(f"{model}_sp_bs2_{precision}_cpu1"), CPU, folder))


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])  # fp16 takes a CPU half a minute
@pytest.mark.parametrize("model", REFERENCES)
def test_a_right_step_passes(model: str, precision: str, tmp_path: Path) -> None:
    assert judged(model, precision, tmp_path) is None


def skip_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Criterion.forward

    def without_kernels(self: Criterion, *arguments: Any) -> dict[str, Tensor]:
        losses = whole(self, *arguments)
        return losses | {"loss": losses["loss"] - losses["loss_kernels"].mean()}

    monkeypatch.setattr(Criterion, "forward", without_kernels)


def detach(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Cut the gradient behind a part of the pyramid."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        make = FeaturePyramid.__init__

        def with_a_cut(self: FeaturePyramid, *arguments: Any) -> None:
            make(self, *arguments)
            part: nn.Module = getattr(self, name)
            part.register_forward_hook(lambda *seen: seen[-1].detach())

        monkeypatch.setattr(FeaturePyramid, "__init__", with_a_cut)

    return plant


def shift_labels(rows: int, columns: int) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        draw = dataset.draw_crop_targets
        monkeypatch.setattr(
            dataset, "draw_crop_targets", lambda *given: np.roll(draw(*given), (rows, columns), axis=(0, 1))
        )

    return plant


DEFECTS = {
    "a loss term is skipped": (skip_the_kernels, "the loss of a step"),
    "the lateral branch is detached": (detach("latlayer2_"), "of 192 parameters get a gradient"),
    "the top of the pyramid is detached": (detach("toplayer_"), "of 192 parameters get a gradient"),
    "labels 1 px too low": (shift_labels(1, 0), "of a step on fixed weights and images is"),
    "labels 4 px too low": (shift_labels(4, 0), "of a step on fixed weights and images is"),
    "labels 4 px too high": (shift_labels(-4, 0), "of a step on fixed weights and images is"),
    "labels 4 px to the right": (shift_labels(0, 4), "of a step on fixed weights and images is"),
    "labels 4 px to the left": (shift_labels(0, -4), "of a step on fixed weights and images is"),
}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_caught(
    defect: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, message = DEFECTS[defect]
    plant(monkeypatch)
    found = judged("psenet", precision, tmp_path)
    assert found is not None
    assert message in found


def test_a_gradient_that_overflows_in_half_precision_is_taken_again_at_a_smaller_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scaler starts at 2^16; here gradients overflow until it has halved thrice."""
    task = fixed_task("psenetsmall", CPU, tmp_path)
    case = parse_case("psenetsmall_sp_bs2_fp16_cpu1")
    trainer = fingerprints.Trainer(task, case, CPU, fingerprints.Position())
    backward, scales = trainer.backward, []

    def overflowing(batch: Any) -> dict[str, Tensor]:
        scales.append(trainer.scaler.get_scale())
        losses = backward(batch)
        if scales[-1] > 2**13:
            next(task.model.parameters()).grad.fill_(float("inf"))
        return losses

    monkeypatch.setattr(trainer, "backward", overflowing)
    monkeypatch.setattr(trainers, "autocast", lambda case: nullcontext())  # a CPU takes its time for half precision
    figures = fingerprints.figures_of(trainer, fixed_batch(task))
    assert scales == [2.0**16, 2.0**15, 2.0**14, 2.0**13]
    assert figures["gradient_norm"] == pytest.approx(PSENET_SMALL["gradient_norm"], rel=1e-3)


def test_the_measured_step_is_the_step_that_is_checked(tmp_path: Path) -> None:
    """The trainer's own losses are those of the task's modules, called directly."""
    task = fixed_task("psenetsmall", CPU, tmp_path)
    batch = fixed_batch(task)
    direct = TrainingStep(task)(batch)["loss"].item()
    case = parse_case("psenetsmall_sp_bs4_fp32_cpu1")
    assert fingerprint(case, CPU, tmp_path)["figures"]["loss"] == pytest.approx(direct, rel=1e-6)
