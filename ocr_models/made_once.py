"""Data sets that are made once, in a folder of the cache, and found there from then on."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from ocr_models.cache import default_cache_dir
from ocr_models.errors import DataError


def made_once(name: str, identity: str, make: Callable[[Path], None], cache_dir: Path | None = None) -> Path:
    """The folder of a data set; made on first use.

    Processes that start together make the set once, and no process ever finds an incomplete one.

    Args:
        name: what the folder's name begins with.
        identity: everything that the content depends on; the folder's name ends in a hash of it.
        make: fills an empty folder. It is renamed once `make` has returned. What a killed process left is removed.
        cache_dir: folder that contains the sets; default: the cache of `ocr_models.cache`.

    Raises:
        DataError: if the cache cannot be written.
    """
    cache_dir = cache_dir or default_cache_dir()
    root = cache_dir / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if root.is_dir():
        return root
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{root}.lock"):
            if not root.is_dir():
                unfinished = root.with_name(f"{root.name}.unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)  # from a killed process; the lock excludes a running one
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(root)
    except OSError as error:
        raise DataError(
            f"{root}: the synthetic set cannot be written: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a writable folder, or name a data set of your own"
        ) from error
    return root


@contextmanager
def making(what: str, folder: Path, count: int, unit: str = "image") -> Iterator[Callable[[int], object]]:
    """On stderr a progress bar, or one line if it is no terminal.

    Args:
        what: is made: "a synthetic data set".
        folder: that it is made in, as `made_once` passes it.
        count: of all units.
        unit: what is counted, in the singular.

    Yields:
        a function that is called with the number of units that were made since its last call.
    """
    on_terminal = sys.stderr.isatty()
    if not on_terminal:
        print(f"making {what} of {count} {unit}s in {folder.with_suffix('')}", file=sys.stderr)
    with tqdm(total=count, desc=f"making {what}", unit=unit, disable=not on_terminal) as progress:
        yield progress.update
