"""The synthetic set of words: made once, whole, the same everywhere, and as costly as real images."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import lmdb
import numpy as np
import pytest

from ocr_models.errors import DataError
from ocr_models.images.reading import decode_image
from ocr_models.recognition import synthetic_words as module
from ocr_models.recognition.synthetic_words import synthetic_words
from ocr_models.recognition.word_samples import draw_samples

COUNTS = {"images": 250, "test_images": 40, "words": 125, "test_words": 30}
FEW = {"images": 3, "test_images": 2, "words": 3, "test_words": 2}


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further processes, but for the set that all tests share."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_words(tmp_path_factory.mktemp("cache"), **COUNTS)


def samples(folder: Path) -> list[tuple[bytes, str]]:
    """File content and label of every image."""
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        count = int(transaction.get(b"num-samples", b""))
        assert transaction.stat()["entries"] == 2 * count + 1
        return [
            (transaction.get(b"image-%09d" % number, b""), transaction.get(b"label-%09d" % number, b"").decode())
            for number in range(1, count + 1)
        ]


def labels(folder: Path) -> list[str]:
    return [label for _, label in samples(folder)]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_each_split_is_an_lmdb(root: Path) -> None:
    assert sorted(contents(root)) == ["test/data.mdb", "train/data.mdb"]
    assert (len(samples(root / "train")), len(samples(root / "test"))) == (250, 40)


def test_words_of_the_test_split_are_no_training_words(root: Path) -> None:
    train, test = ({label.lower() for label in labels(root / split)} for split in ("train", "test"))
    assert (len(train), len(test)) == (125, 30)
    assert not train & test


def test_without_test_words_the_test_split_has_other_images_of_the_training_words(tmp_path: Path) -> None:
    root = synthetic_words(tmp_path, **{**FEW, "test_images": 3, "test_words": 0})
    train, test = (samples(root / split) for split in ("train", "test"))
    assert [label.lower() for _, label in test] == [label.lower() for _, label in train]
    assert not {encoded for encoded, _ in train} & {encoded for encoded, _ in test}


def test_half_of_the_words_are_in_lower_case_and_a_quarter_each_in_capitals_and_titles(root: Path) -> None:
    words = [label for label in labels(root / "train") if not label.isdigit() and len(label) > 1]
    shares = [sum(map(case, words)) / len(words) for case in (str.islower, str.isupper, str.istitle)]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.12)


def test_images_differ_and_are_jpeg_files_as_large_as_real_word_crops(root: Path) -> None:
    files = [encoded for split in ("train", "test") for encoded, _ in samples(root / split)]
    assert len(set(files)) == len(files)
    assert 1500 < np.mean([len(encoded) for encoded in files]) < 3500
    assert all(encoded[:2] == b"\xff\xd8" for encoded in files)
    heights = [decode_image(encoded, "a word").shape[0] for encoded in files]
    assert (min(heights), max(heights)) == (24, 64)


def test_the_same_arguments_give_the_same_bytes_with_any_number_of_processes(root: Path, tmp_path: Path) -> None:
    again = synthetic_words(tmp_path, **COUNTS)
    assert again.name == root.name
    assert contents(again) == contents(root)


def test_another_seed_gives_other_words_and_images(root: Path, tmp_path: Path) -> None:
    other = synthetic_words(tmp_path, **COUNTS, seed=1)
    assert other.name != root.name
    words = [{label.lower() for label in labels(each / "train")} for each in (root, other)]
    assert len(words[0] & words[1]) < 20  # short ones
    assert not set(samples(other / "train")) & set(samples(root / "train"))


def test_a_set_is_made_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_make", lambda *_: pytest.fail("made again"))
    assert synthetic_words(root.parent, **COUNTS) == root


def test_a_set_that_was_interrupted_half_way_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(job: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        jobs = iter(range(9))
        patch.setattr(module, "draw_samples", lambda job: draw_samples(job) if next(jobs) == 0 else stop(job))
        with pytest.raises(KeyboardInterrupt):
            synthetic_words(tmp_path, **FEW)
    assert all(path.name.endswith((".unfinished", ".lock")) for path in tmp_path.iterdir())
    made = synthetic_words(tmp_path, **FEW)
    assert (len(samples(made / "train")), len(samples(made / "test"))) == (3, 2)
    assert {path.name for path in tmp_path.iterdir()} == {made.name, f"{made.name}.lock"}


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can become larger than 16 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"words-.*: the synthetic set cannot be written: .*; set XDG_CACHE_HOME"):
        synthetic_words(tmp_path, **{**FEW, "images": 20})


def test_a_cache_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written: .*; set XDG_CACHE_HOME"):
        synthetic_words(tmp_path / "file" / "cache", **FEW)


def test_a_process_that_was_killed_is_an_error_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(module, "draw_samples", end_abruptly)
    with pytest.raises(DataError, match="a process that draws the synthetic set was killed"):
        synthetic_words(tmp_path, **FEW)


def end_abruptly(job: object) -> NoReturn:
    os._exit(1)
