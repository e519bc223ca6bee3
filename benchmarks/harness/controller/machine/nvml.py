"""Questions to NVML, each answered by itself: what one driver refuses must not cost the other answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pynvml

from benchmarks.harness.protocol.events import OnGpu

PREFIXES = ("MIG-", "GPU-")  # of UUIDs
NEVER = (
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_NO_PERMISSION,
)
"""A question that is refused in this way is refused for ever."""
NOT_AVAILABLE = (2**32 - 1, 2**64 - 1)
"""NVML's numbers for a value that it does not have."""


def answer(name: str, *arguments: Any) -> Any:
    """What a function of pynvml returns; None if NVML has no answer, for whatever reason.

    An old driver lacks functions, an old pynvml too; pynvml reports some of that with exceptions that are no NVMLError.
    """
    try:
        return getattr(pynvml, name)(*arguments)
    except Exception:
        return None


def initialised() -> bool:
    """Whether NVML can be used."""
    try:
        pynvml.nvmlInit()
    except Exception:  # as in `answer`: no driver, or one that pynvml does not know
        return False
    return True


class Gpu:
    """The GPU of a rank: a whole one, or a partition of one (MIG)."""

    def __init__(self, handle: Any) -> None:
        """`handle`: of a GPU or of a MIG device. Attribute `own`: what the rank has to itself, None if not known."""
        self._refused: set[tuple[bool, str, tuple[Any, ...]]] = set()
        self.partition = bool(_plain(answer("nvmlDeviceIsMigDeviceHandle", handle)))
        self._card = answer("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle) if self.partition else handle
        self.own: Any = handle
        if not self.partition and is_partitioned(handle):
            # The rank can only be on a partition of it, but torch has reported the GPU.
            self.partition, self.own = True, _first_visible_partition()

    def ask(self, name: str, *arguments: Any) -> Any:
        """The answer for what the rank has to itself; None if there is none."""
        return None if self.own is None else self._ask(self.own, name, arguments)

    def ask_card(self, name: str, *arguments: Any) -> Any:
        """The answer for the whole GPU: clocks, temperatures and power are those of all its partitions."""
        return None if self._card is None else self._ask(self._card, name, arguments)

    def _ask(self, handle: Any, name: str, arguments: tuple[Any, ...]) -> Any:
        question = (handle is self._card, name, arguments)
        if question in self._refused:
            return None
        try:
            found = _plain(getattr(pynvml, name)(handle, *arguments))
        except pynvml.NVMLError as error:
            if error.value in NEVER:
                self._refused.add(question)
            return None
        except Exception:  # as in `answer`
            self._refused.add(question)
            return None
        return None if found in NOT_AVAILABLE else found

    def ask_field(self, field_id: int) -> Any:
        """An unsigned value of the whole GPU that has no function of its own."""
        found = self.ask_card("nvmlDeviceGetFieldValues", (field_id,))
        if not found or found[0].nvmlReturn != pynvml.NVML_SUCCESS:
            return None
        value = found[0].value
        wide = found[0].valueType in (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG)
        number = value.ullVal if wide else value.uiVal
        return None if number in NOT_AVAILABLE else number


def gpu_at(address: OnGpu) -> Gpu | None:
    """The GPU that a rank has reported. By UUID: NVML counts GPUs in another order than CUDA does.

    CUDA reports the UUID of a partition (MIG) in the same form as that of a GPU. Without a known UUID the address on
    the bus decides.
    """
    found = (answer("nvmlDeviceGetHandleByUUID", f"{prefix}{address.uuid}") for prefix in PREFIXES)
    handle = next((each for each in found if each is not None), None)
    if handle is None:
        handle = answer("nvmlDeviceGetHandleByPciBusId", address.bus_id)
    return None if handle is None else Gpu(handle)


def cards() -> Iterator[Any]:
    """Handles of all GPUs of the machine."""
    for index in range(answer("nvmlDeviceGetCount") or 0):
        card = answer("nvmlDeviceGetHandleByIndex", index)
        if card is not None:
            yield card


def partitions(card: Any) -> Iterator[Any]:
    """Handles of the MIG devices of a GPU."""
    if not is_partitioned(card):
        return
    for index in range(answer("nvmlDeviceGetMaxMigDeviceCount", card) or 0):
        partition = answer("nvmlDeviceGetMigDeviceHandleByIndex", card, index)
        if partition is not None:
            yield partition


def is_partitioned(card: Any) -> bool:
    """Whether MIG is on."""
    modes = answer("nvmlDeviceGetMigMode", card)
    return bool(modes) and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE


def _first_visible_partition() -> Any:
    """CUDA uses only the first MIG device that CUDA_VISIBLE_DEVICES names."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    return answer("nvmlDeviceGetHandleByUUID", first) if first.startswith("MIG-") else None


def _plain(value: Any) -> Any:
    """Some functions of pynvml return a number of ctypes."""
    with contextlib.suppress(AttributeError):
        return value.value
    return value
