"""The network against numbers of the implementation that the recipe follows."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import torch
from torch import Tensor

import seeded
import seeded_parseq
from ocr_models.parseq import PARSeq, encode, permuted_loss
from ocr_models.parseq.model import Inputs
from parity import PARSEQ_FOLDER, Arrays, arrays, cases, needs_parseq_numbers

pytestmark = needs_parseq_numbers

SIZES = ["parseqtiny", "parseq"]
READING = {
    "ar": {"refinements": 0},
    "ar_refine1": {},
    "nar": {"autoregressive": False, "refinements": 0},
    "nar_refine2": {"autoregressive": False, "refinements": 2},
    "ar_refine1_max7": {"max_length": 7},
}
ENDING_EARLY = {"early_eos_ar": READING["ar"], "early_eos": READING["ar_refine1"]}


@functools.cache
def expected(size: str) -> Arrays:
    return cases(PARSEQ_FOLDER / "forward.npz")[seeded_parseq.NAMES[size]]


@functools.cache
def model_and_images(size: str) -> tuple[PARSeq, Tensor]:
    given = expected(size)
    seed = int(given["seed"])
    return seeded_parseq.seeded_model(size, seed).eval(), seeded.images(given["input_shape"].tolist(), seed)


@pytest.mark.parametrize("size", SIZES)
def test_the_state_dict_is_the_references_in_its_order(size: str) -> None:
    with torch.device("meta"):
        found = [(key, list(value.shape)) for key, value in PARSeq(size).state_dict().items()]
    assert found == seeded_parseq.reference_keys(size)


@pytest.mark.parametrize("size", SIZES)
def test_the_memory(size: str) -> None:
    model, images = model_and_images(size)
    given = expected(size)
    with torch.no_grad():
        memory = model.encoder(images).numpy()
    np.testing.assert_allclose(memory[0, :16], given["memory_first16"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(memory.mean(-1), given["memory_mean"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(memory.std(-1, ddof=1), given["memory_std"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("size", SIZES)
def test_reading(size: str, name: str) -> None:
    model, images = model_and_images(size)
    logits = model.generate(images, **READING[name])  # type: ignore[arg-type]
    np.testing.assert_allclose(logits, expected(size)[name], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ENDING_EARLY)
@pytest.mark.parametrize("size", SIZES)
def test_reading_that_ends_early(size: str, name: str) -> None:
    model, images = model_and_images(size)
    bias, boost = model.head.bias, float(expected(size)["early_eos_boost"])
    with torch.no_grad():
        before = bias.clone()
        bias[0] += boost
        logits = model.generate(images, **ENDING_EARLY[name])  # type: ignore[arg-type]
        bias.copy_(before)
    np.testing.assert_allclose(logits, expected(size)[name], atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", ["parseqtiny", pytest.param("parseq", marks=pytest.mark.exhaustive)])
def test_steps_of_training(size: str) -> None:
    """Losses, the norm of the gradient before each step, the first gradient, and the network after the last step."""
    stored = arrays(PARSEQ_FOLDER / "trajectory.npz")
    given = cases(PARSEQ_FOLDER / "trajectory.npz")[seeded_parseq.NAMES[size]]
    labels = json.loads(str(stored["labels_json"]))[seeded_parseq.NAMES[size]]
    seed, shape = int(given["seed"]), given["image_shape"].tolist()
    model = seeded_parseq.seeded_model(size, seed)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0, fused=True)
    for step, (loss, norm, rate) in enumerate(given["losses"].tolist()):
        optimizer.param_groups[0]["lr"] = rate
        targets, permutations = encode(labels[step]), torch.from_numpy(given[f"{step}.perms"])
        images = seeded.training_images(shape, seed, step)
        found = permuted_loss(model(Inputs(images, targets[:, :-1], permutations)), targets, permutations)
        assert found.item() == pytest.approx(loss, rel=1e-5)
        optimizer.zero_grad()
        found.backward()
        if step == 0:
            assert_first_gradient(model, given)
        assert torch.nn.utils.clip_grad_norm_(model.parameters(), 20).item() == pytest.approx(norm, rel=1e-4)
        optimizer.step()
    logits = model.eval().generate(seeded.images([2, 3, 32, 128], seed), False, 0)
    np.testing.assert_allclose(logits, given["final_nar_logits"], atol=1e-3, rtol=0)


def assert_first_gradient(model: PARSeq, given: Arrays) -> None:
    norms = [np.linalg.norm(gradient(each)) for each in model.parameters()]
    np.testing.assert_allclose(norms, given["first_gradient_norms"], rtol=0, atol=1e-4 * max(norms))
    for name, parameter in model.named_parameters():
        if (stored := given.get(f"first_grad.{name}")) is not None:
            found = gradient(parameter).reshape(-1, *stored.shape[1:])[: len(stored)]
            np.testing.assert_allclose(found, stored, rtol=0, atol=1e-4 * abs(stored).max())


def gradient(parameter: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    assert parameter.grad is not None
    return parameter.grad.double().numpy()
