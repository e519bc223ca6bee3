"""Small word sets in every layout, made for a test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import lmdb
import numpy as np

from ocr_models.recognition.lmdb_files import close_lmdb

MAP_BYTES = 2**30  # of address space; the file is only as large as its content


def as_annotated(transcription: str) -> str:
    """A rule for labels that excludes nothing."""
    return transcription


def word_image(number: int = 0, height: int = 20, width: int = 60, suffix: str = ".jpg") -> bytes:
    """The file of an image, different for each number."""
    rng = np.random.default_rng(number)
    smooth = cv2.resize(rng.integers(0, 256, (4, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    encoded = cv2.imencode(suffix, smooth)[1]
    return bytes(encoded.tobytes())


def lmdb_entries(labels: Sequence[str | bytes]) -> dict[str, bytes]:
    """Key -> value of an LMDB of words."""
    entries = {"num-samples": str(len(labels)).encode()}
    for number, label in enumerate(labels, start=1):
        entries[f"image-{number:09d}"] = word_image(number)
        entries[f"label-{number:09d}"] = label if isinstance(label, bytes) else label.encode()
    return entries


def write_entries(folder: Path, entries: Mapping[str, bytes]) -> Path:
    """An LMDB of these entries."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = lmdb.open(str(folder), map_size=MAP_BYTES, subdir=True, lock=False)
    with environment.begin(write=True) as transaction:
        for key, value in entries.items():
            transaction.put(key.encode(), value)
    environment.close()
    return folder


def write_lmdb(folder: Path, labels: Sequence[str | bytes]) -> Path:
    """An LMDB of words with these labels."""
    return write_entries(folder, lmdb_entries(labels))


def write_label_file(label_file: Path, lines: Sequence[str], images: Sequence[str], folder: Path | None = None) -> Path:
    """A label file of these lines, and images with these names in `folder` (default: beside it)."""
    folder = folder or label_file.parent
    label_file.parent.mkdir(parents=True, exist_ok=True)
    label_file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    for number, name in enumerate(images):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(word_image(number, suffix=path.suffix))
    return label_file


def names(count: int) -> list[str]:
    return [f"word_{number}.jpg" for number in range(1, count + 1)]


def write_paddleocr(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """`rec_gt_train.txt` and its images."""
    images = [f"{split}/{name}" for name in names(len(labels))]
    lines = [f"{name}\t{label}" for name, label in zip(images, labels, strict=True)]
    return write_label_file(root / f"rec_gt_{split}.txt", lines, images).parent


def write_icdar(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """The folder of images of ICDAR 2015 with its `gt.txt`."""
    folder = root / {"train": "ch4_training_word_images_gt", "test": "ch4_test_word_images_gt"}[split]
    escaped = [label.replace("\\", "\\\\").replace('"', '\\"') for label in labels]
    lines = [f'{name}, "{label}"\r' for name, label in zip(names(len(labels)), escaped, strict=True)]
    lines[0] = f"\ufeff{lines[0]}"
    write_label_file(folder / "gt.txt", lines, names(len(labels)))
    return root


def write_mmocr(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """`train_label.txt` and its images."""
    images = [f"crops/{split}/{name}" for name in names(len(labels))]
    lines = [f"{name} {label}" for name, label in zip(images, labels, strict=True)]
    return write_label_file(root / f"{split}_label.txt", lines, images).parent


def write_mmocr_lines(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """`train_label.jsonl` and its images."""
    images = [f"crops/{split}/{name}" for name in names(len(labels))]
    lines = [json.dumps({"filename": name, "text": label}) for name, label in zip(images, labels, strict=True)]
    return write_label_file(root / f"{split}_label.jsonl", lines, images).parent


def write_mmocr_list(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """`textrecog_train.json` of MMOCR 1.x and its images."""
    images = [f"textrecog_imgs/{split}/{name}" for name in names(len(labels))]
    pairs = zip(images, labels, strict=True)
    entries = [{"img_path": name, "instances": [{"text": label}]} for name, label in pairs]
    content = json.dumps({"metainfo": {"dataset_type": "TextRecogDataset"}, "data_list": entries}, indent=1)
    return write_label_file(root / f"textrecog_{split}.json", [content], images).parent


def write_lmdb_split(root: Path, labels: Sequence[str], split: str = "train") -> Path:
    """`train/data.mdb`."""
    write_lmdb(root / split, labels)
    return root


LAYOUTS = {
    "lmdb": write_lmdb_split,
    "paddleocr": write_paddleocr,
    "icdar2015": write_icdar,
    "mmocr": write_mmocr,
    "mmocr_lines": write_mmocr_lines,
    "mmocr_list": write_mmocr_list,
}
"""Name -> (root, labels, split) -> root."""


@contextmanager
def rewritten(folder: Path) -> Iterator[dict[str, bytes]]:
    """The entries of an LMDB; what is made of them within the block replaces it."""
    close_lmdb(folder)
    environment = lmdb.open(str(folder), readonly=True, lock=False)
    with environment.begin() as transaction:
        entries = {bytes(key).decode(): bytes(value) for key, value in transaction.cursor()}
    environment.close()
    yield entries
    (folder / "data.mdb").unlink()
    write_entries(folder, entries)
