"""Artifacts as files. That they are written atomically is tested with `ocr_models.files`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.harness.results import store
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.speed_artifact import SpeedArtifact
from samples import KILLED, document, speed_artifact


def test_an_artifact_is_written_on_one_line_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_speed"
    artifact = speed_artifact()
    store.write(path, artifact, SPEED)
    text = path.read_text()
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert store.read(path) == document(artifact) == json.loads(text)
    assert store.read_as(path, SPEED) == artifact
    assert list(path.parent.iterdir()) == [path]


def test_an_invalid_artifact_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a_speed"
    invalid = structs.replace(speed_artifact(), run_mode="dp")
    with pytest.raises(store.ArtifactError, match=r"a_speed does not fit speed\.schema\.json: run_mode: 'dp'"):
        store.write(path, invalid, SPEED)
    assert not path.exists()


def test_a_value_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    artifact = speed_artifact(failure=KILLED)
    details = structs.replace(artifact.details, total_seconds=float("nan"))
    with pytest.raises(store.ArtifactError):
        store.write(tmp_path / "a_speed", structs.replace(artifact, details=details), SPEED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_file_that_is_not_an_artifact_is_refused_and_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "ocr_PSENet_speed"
    if content is not None:
        path.write_bytes(content)
    for read in (store.read, lambda path: store.read_as(path, SPEED)):
        with pytest.raises(store.ArtifactError, match=rf"ocr_PSENet_speed: .*{reason}"):
            read(path)


def test_an_object_that_does_not_fit_its_schema_is_read_but_not_as_an_artifact(tmp_path: Path) -> None:
    path = tmp_path / "a_speed"
    path.write_text('{"index": 1}')
    assert store.read(path) == {"index": 1}
    with pytest.raises(store.ArtifactError, match=r"a_speed: document: 'log_file' is a required property"):
        store.read_as(path, SPEED)


def test_a_document_is_decoded_to_the_type_of_its_format() -> None:
    artifact = speed_artifact()
    assert isinstance(store.decoded(document(artifact), SPEED), SpeedArtifact)
    with pytest.raises(store.ArtifactError, match="fits its schema but not its type"):
        store.decoded({**document(artifact), "details": {"source": "log"}}, SPEED)
