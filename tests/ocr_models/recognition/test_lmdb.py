"""Words in LMDBs: faults by folder and key, and what processes share."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocr_models.errors import DataError
from ocr_models.recognition import WordSet, read_word_set
from ocr_models.recognition.lmdb_files import close_lmdb, open_lmdb
from word_files import as_annotated, lmdb_entries, rewritten, word_image, write_entries, write_lmdb

Entries = dict[str, bytes]


def read(root: Path) -> WordSet:
    return read_word_set(root, "train", as_annotated)


def without(key: str) -> Callable[[Entries], object]:
    return lambda entries: entries.pop(key)


def changed(key: str, value: bytes) -> Callable[[Entries], object]:
    return lambda entries: entries.update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("num-samples"), "num-samples: no such key; an LMDB of words has num-samples, image-000000001"),
        (changed("num-samples", b"many"), "num-samples: b'many' is no number up to 999999999"),
        (changed("num-samples", b"9" * 5000), "num-samples: .* is no number"),
        (changed("num-samples", b"-1"), "num-samples: .* is no number"),
        (changed("num-samples", b"4"), "label-000000004: no such key, but num-samples is 4"),
        (changed("num-samples", b"2"), "label-000000003: num-samples is only 2; write the right number"),
        (changed("num-samples", b"0"), "label-000000001: num-samples is only 0"),
        (without("label-000000002"), "label-000000002: no such key, but num-samples is 3"),
        (without("image-000000003"), "image-000000003: no such key, but num-samples is 3"),
        (changed("label-000000002", b"caf\xe9"), r"label-000000002: cannot be read as UTF-8 \(byte 0xe9\)"),
        (changed("label-000000002", b"a" * 70_000), "label-000000002: a label of 70000 bytes is no word"),
        (lambda entries: entries.clear(), "num-samples: no such key"),
    ],
)
def test_a_bad_key_is_named_when_labels_are_read(
    tmp_path: Path, change: Callable[[Entries], object], message: str
) -> None:
    entries = lmdb_entries(["a", "b", "c"])
    change(entries)
    folder = write_entries(tmp_path / "train" / "MJ", entries)
    with pytest.raises(DataError, match=f"{folder}: {message}"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("image-000000002"), "no such key"),
        (changed("image-000000002", b""), "it is empty; replace it"),
        (changed("image-000000002", b"no image"), "not an image in JPEG or PNG format"),
        (changed("image-000000002", word_image()[:-300]), "truncated JPEG"),
        (changed("image-000000002", word_image(suffix=".png")[:-30]), "truncated PNG"),
    ],
)
@pytest.mark.parametrize("grey", [False, True])
def test_a_bad_image_is_named_when_it_is_loaded(
    tmp_path: Path, change: Callable[[Entries], object], message: str, grey: bool
) -> None:
    entries = lmdb_entries(["a", "b", "c"])
    change(entries)
    write_entries(tmp_path / "train", entries)
    words = read(tmp_path).words
    words[0].load(grey)
    with pytest.raises(DataError, match=f"{tmp_path}/train: image-000000002: {message}"):
        words[1].load(grey)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.mdb: cannot be read as LMDB: [^;]+$"),
        (b"no LMDB", "data.mdb: cannot be read as LMDB: [^;]+$"),
        (bytes(10_000), "data.mdb: cannot be read as LMDB: [^;]+$"),
    ],
)
def test_a_file_that_is_no_lmdb_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_a_truncated_lmdb_is_named_instead_of_ending_the_process(tmp_path: Path) -> None:
    file = write_lmdb(tmp_path, ["word"] * 30) / "data.mdb"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(DataError, match=r"data.mdb: truncated: it has \d+ bytes of \d+; copy it again$"):
        read(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")])
def test_no_regular_file_is_opened(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "data.mdb")
    with pytest.raises(DataError, match=r"data.mdb: cannot be read: no such file, or no regular file"):
        read(tmp_path)


def test_several_paths_to_one_lmdb_share_it(tmp_path: Path) -> None:
    folder = write_lmdb(tmp_path / "words", ["a"])
    (tmp_path / "link").symlink_to(folder)
    assert open_lmdb(tmp_path / "link") is open_lmdb(folder)
    close_lmdb(tmp_path / "link")
    assert read(folder).words[0].load().shape == (20, 60, 3)


def test_a_replaced_lmdb_is_read_after_it_was_closed(tmp_path: Path) -> None:
    folder = write_lmdb(tmp_path, ["a"])
    assert read(folder).words[0].label == "a"
    with rewritten(folder) as entries:
        entries["label-000000001"] = b"b"
    assert read(folder).words[0].label == "b"


def test_nothing_is_written_into_the_folder(tmp_path: Path) -> None:
    read(write_lmdb(tmp_path, ["a"])).words[0].load()
    assert [path.name for path in tmp_path.iterdir()] == ["data.mdb"]


def loaded(words: WordSet, index: int) -> list[int]:
    return list(words.words[index].load().shape)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_load_the_same_images(tmp_path: Path, method: str) -> None:
    words = read(write_lmdb(tmp_path, ["a", "b"]))
    words.words[0].load()  # open in this process
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(loaded, (words, 1)) == [20, 60, 3]
    assert loaded(words, 0) == [20, 60, 3]


opened: list[object] = []


def is_known(folder: Path) -> bool:
    return open_lmdb(folder) in opened


def test_a_forked_process_opens_the_lmdb_again(tmp_path: Path) -> None:
    opened.append(open_lmdb(write_lmdb(tmp_path, ["a"])))
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert not pool.apply(is_known, (tmp_path,))
    assert is_known(tmp_path)


def test_a_pickle_carries_labels_and_positions_only(tmp_path: Path) -> None:
    words = read(write_lmdb(tmp_path, ["word"] * 2000))
    words.words[0].load()
    pickled = pickle.dumps(words)
    assert len(pickled) < 2000 * (4 + 8 + 8 + 2) + 2000
    again = pickle.loads(pickled)
    assert again.digest() == words.digest()
    np.testing.assert_array_equal(again.words[7].load(), words.words[7].load())
