"""Checkpoints: written atomically, and read without running any code that a file may contain."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ocr_models.bounded import ZipReader, open_regular
from ocr_models.errors import shown
from ocr_models.files import atomic_write

MAX_STRUCTURE_BYTES = 2 * 2**20
"""Of names, numbers and the description of tensors: a network of 1000 tensors with its optimizer has 0.6 MB."""

MAX_DIRECTORY_BYTES = 8 * 2**20
MAX_SHOWN = 20
_ZIP_BEGINS = b"PK\3\4"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used. The message is one line that names the file."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dicts. An older file stays until the new one is whole.

    Raises:
        OSError: if the file cannot be written.
    """
    try:
        with atomic_write(path) as file:
            torch.save(dict(content), file)
    except RuntimeError as error:  # what torch raises if the disk is full
        raise OSError(f"{path}: {str(error).splitlines()[0]}") from error


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU, with weights_only=True. Its tensors take no more memory than the file has bytes.

    Raises:
        CheckpointError: if the file is not a checkpoint.
        OSError: if the file cannot be opened, or is not a regular file.
    """
    file = open_regular(path)
    try:
        with file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about old formats
            checkpoint = torch.load(_checked(file, path), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch's unpickler fail in many ways
        # torch's own message would recommend to read the file unsafely.
        raise CheckpointError(
            f"{shown(path)} is not a checkpoint that can be read safely: "
            "it must be complete and contain only tensors and plain values"
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"{shown(path)} contains a {type(checkpoint).__name__}, not a dict of weights")
    return checkpoint


def _checked(file: io.BufferedReader, path: str | Path) -> str | io.BufferedReader:
    """What torch may read. Raises an error if that would take much more memory or time than the file has bytes."""
    begins = file.raw.read(len(_ZIP_BEGINS))
    file.raw.seek(0, os.SEEK_SET)
    if begins != _ZIP_BEGINS:
        return _LegacyReader(file)
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(ZipReader(file, MAX_DIRECTORY_BYTES)) as archive:
        records = archive.infolist()
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise ValueError("torch never compresses records")
    if sum(record.file_size for record in records) > size:
        raise ValueError("records overlap")
    if any(record.filename.endswith(".pkl") and record.file_size > MAX_STRUCTURE_BYTES for record in records):
        raise ValueError("its structure is too large")
    return str(path)


class _LegacyReader(io.BufferedReader):
    """A file of torch's format before 1.6, which is a sequence of pickles and then of tensors.

    torch reads the tensors past this object, through the descriptor. So what is read here is structure, and bounded.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__(file.raw)
        self._left = MAX_STRUCTURE_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(self._left + 1 if size is None or size < 0 else min(size, self._left + 1))
        return self._counted(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(super().readline(self._left + 1 if size is None or size < 0 else size))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("its structure is too large")
        return data


def load_weights(model: nn.Module, state_dict: Mapping[str, Any]) -> None:
    """Load weights that must fit the model exactly.

    Args:
        model: a network on any device.
        state_dict: the entries, or a checkpoint with the entries under `state_dict`; keys may start with `module.`.

    Raises:
        ValueError: if a key is missing, unexpected or given twice, or an entry is not a tensor, has another shape or is
            not finite; the message names them. The model is unchanged.
    """
    given = state_dict.get("state_dict", state_dict) if isinstance(state_dict, Mapping) else state_dict
    if not isinstance(given, Mapping):
        raise ValueError(f"the weights do not fit the model: the state dict is {type(given).__name__}, not a dict")
    entries = {key.removeprefix("module.") if isinstance(key, str) else key: value for key, value in given.items()}
    if len(entries) < len(given):
        raise ValueError("the weights do not fit the model: some are given twice, with and without `module.`")
    if (misfit := weights_misfit(model.state_dict(), entries)) is not None:
        raise ValueError(f"the weights do not fit the model: {misfit}")
    model.load_state_dict(entries)


def weights_misfit(expected: Mapping[str, Tensor], found: Mapping[Any, Any], *, same_type: bool = False) -> str | None:
    """What keeps weights from being loaded, one line that names the entries; None if all is well.

    Args:
        expected: the entries of the model.
        found: what is to be loaded.
        same_type: whether the type of the numbers must be the same, too; else they are converted.
    """
    forms = {key: _form(value, same_type) for key, value in found.items() if isinstance(value, Tensor)}
    others = [key for key in found if key not in expected]
    no_tensors = [key for key in expected if key in found and not isinstance(found[key], Tensor)]
    misfits = {
        "missing": [key for key in expected if key not in found],
        "unexpected": [shown(key, 100) if isinstance(key, str) else type(key).__name__ for key in others],
        "not a tensor": [f"{key} ({type(found[key]).__name__})" for key in no_tensors],
        "of another shape": [
            f"{key} {forms[key]} instead of {_form(value, same_type)}"
            for key, value in expected.items()
            if key in forms and forms[key] != _form(value, same_type)
        ],
    }
    if not any(misfits.values()):  # now no tensor is larger than the model's
        misfits["not finite"] = [key for key, value in found.items() if not is_finite(value)]
    named = [f"{what}: {_listed(keys)}" for what, keys in misfits.items() if keys]
    return "; ".join(named) or None


def _listed(keys: list[str]) -> str:
    more = len(keys) - MAX_SHOWN
    return ", ".join(keys[:MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")


def is_plain(tensor: Tensor) -> bool:
    """Whether it is an array of real numbers in memory: only then can its shape and its numbers be looked at."""
    odd = tensor.is_nested or tensor.is_meta or tensor.is_quantized or tensor.is_complex()
    return not odd and tensor.layout == torch.strided


def is_finite(tensor: Tensor) -> bool:
    """Whether it has neither NaN nor infinity."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.float()).all())


def _form(value: Tensor, with_type: bool) -> str:
    """The shape of a tensor whose numbers can be copied; a description of any other."""
    if not is_plain(value):
        return f"{'nested' if value.is_nested else value.layout} {value.dtype} on {value.device}"
    shape = str(tuple(value.shape))
    return f"{shape} {value.dtype}" if with_type else shape
