"""The network against numbers of the implementation that the recipe follows."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from torch import Tensor

import seeded
import seeded_crnn
from ocr_models.crnn import CRNN, ctc_loss, encode
from ocr_models.optimizers import Adadelta
from parity import CRNN_FOLDER, arrays, cases, needs_crnn_numbers

pytestmark = needs_crnn_numbers

LAST_NORM = {"resnet": "FeatureExtraction.ConvNet.bn4_2", "vgg": "FeatureExtraction.ConvNet.12"}


@pytest.mark.parametrize("backbone", ["resnet", "vgg"])
def test_the_state_dict_is_the_references_in_its_order(backbone: str) -> None:
    with torch.device("meta"):
        found = [(key, list(value.shape)) for key, value in CRNN(backbone).state_dict().items()]
    assert found == seeded_crnn.reference_keys(backbone)


@pytest.mark.parametrize(
    "case",
    ["resnet", "vgg", *(pytest.param(each, marks=pytest.mark.exhaustive) for each in ("resnet_wide", "resnet_rgb94"))],
)
def test_forward(case: str) -> None:
    """In both memory formats."""
    given, backbone = cases(CRNN_FOLDER / "forward.npz")[case], case.partition("_")[0]
    seed, shape = int(given["seed"]), given["input_shape"].tolist()
    drawn = seeded_crnn.seeded_model(backbone, seed, given["eval_logits"].shape[2], shape[1])
    for memory_format in (torch.contiguous_format, torch.channels_last):
        model = copy.deepcopy(drawn).to(memory_format=memory_format)
        images = seeded.images(shape, seed).to(memory_format=memory_format)
        features: list[Tensor] = []
        model.SequenceModeling.register_forward_pre_hook(lambda _, inputs, seen=features: seen.extend(inputs))
        with torch.no_grad():
            logits = {"eval_logits": model.eval()(images), "train_logits": model.train()(images)}
        for name, value in logits.items():
            np.testing.assert_allclose(value, given[name], rtol=0, atol=1e-4)
        visual = given["eval_visual_first"]
        np.testing.assert_allclose(features[0][0], visual, rtol=0, atol=1e-5 * np.abs(visual).max())
        variance = model.state_dict()[f"{LAST_NORM[backbone]}.running_var"]
        np.testing.assert_allclose(variance, given["running_var_after_train"], rtol=1e-5)


@pytest.mark.parametrize(
    ("case", "steps", "norm", "logits"),
    [
        ("vgg", 2, 1e-3, 1e-2),
        pytest.param("vgg", 6, 1e-3, 1e-2, marks=pytest.mark.slow),
        pytest.param("vgg_adam", 6, 1e-3, 1e-2, marks=pytest.mark.exhaustive),
        pytest.param("resnet", 6, 2e-2, 2e-2, marks=pytest.mark.exhaustive),
    ],
)
def test_steps_of_training(case: str, steps: int, norm: float, logits: float) -> None:
    """Losses, norm of the gradient before it is clipped, and logits after the last of six steps."""
    given = cases(CRNN_FOLDER / "trajectory.npz")[case]
    seed, count = int(given["seed"]), 4 if case == "resnet" else 8
    model = seeded_crnn.seeded_model(case.partition("_")[0], seed)
    optimizer = made_optimizer(case, model)
    found = []
    for step in range(steps):
        images = seeded.training_images([count, 1, 32, 100], seed, step)
        loss, _ = ctc_loss(model(images), *encode(labels(step)[:count]))
        optimizer.zero_grad()
        loss.backward()
        found.append([loss.item(), torch.nn.utils.clip_grad_norm_(model.parameters(), 5).item()])
        optimizer.step()
    losses, norms = np.transpose(given["losses"][:steps])
    np.testing.assert_allclose([each[0] for each in found], losses, rtol=1e-3)
    np.testing.assert_allclose([each[1] for each in found], norms, rtol=norm)
    if steps == len(given["losses"]):
        with torch.no_grad():
            final = model.eval()(seeded.images([2, 1, 32, 100], seed))
        np.testing.assert_allclose(final, given["final_eval_logits"], rtol=0, atol=logits)


def made_optimizer(case: str, model: CRNN) -> torch.optim.Optimizer:
    if case == "vgg_adam":
        return torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    return Adadelta(model.parameters(), lr=0.02 if case == "resnet" else 0.1, rho=0.95, eps=1e-8)


def labels(step: int) -> list[str]:
    stored = arrays(CRNN_FOLDER / "trajectory.npz")["labels_json"]
    steps: list[list[str]] = json.loads(str(stored))
    return steps[step]
