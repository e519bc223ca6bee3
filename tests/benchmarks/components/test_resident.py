from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.cases import CaseError
from benchmarks.components.resident import resident_trainer
from ocr_models.errors import DataError
from torch_settings import restored_settings

CASE = "psenetr18_sp_bs4_fp32_cpu1"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Afterwards torch is as it was, whatever a case has set."""
    with restored_settings():
        yield


def test_the_batch_has_the_batch_size_of_the_case_even_if_there_are_fewer_images(image_folder: Path) -> None:
    trainer, (images, maps, jitter) = resident_trainer(CASE, image_folder, image_size=64)
    assert (images.shape, maps.shape, jitter.shape) == ((4, 64, 64, 3), (4, 64, 64), (4, 3))
    assert {tensor.device for tensor in (images, maps, jitter)} == {trainer.device} == {torch.device("cpu")}
    assert str(trainer.case) == CASE


def test_each_sample_is_augmented_on_its_own(image_folder: Path) -> None:
    _, (images, _, _) = resident_trainer(CASE, image_folder, image_size=64)
    assert not torch.equal(images[0], images[3])  # both are made from the first of three images


def test_the_trainer_trains_on_the_batch(image_folder: Path) -> None:
    trainer, batch = resident_trainer(CASE, image_folder, image_size=64)
    losses = [trainer.step(batch)["loss"].item() for _ in range(6)]
    assert losses[-1] < losses[0]


def test_torch_is_set_as_in_the_ranks_of_the_case(image_folder: Path) -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.benchmark = False
    resident_trainer(CASE, image_folder, image_size=64)
    assert torch.backends.cudnn.benchmark
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"


def test_an_impossible_case_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="is not a case"):
        resident_trainer("psenet", tmp_path, image_size=64)
    with pytest.raises(DataError, match="no such folder"):
        resident_trainer(CASE, tmp_path / "missing", image_size=64)
