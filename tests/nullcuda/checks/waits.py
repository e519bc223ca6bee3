"""Calls that make the host wait for the GPU, or might: which are seen in the measured steps, and which in the trace."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.harness.worker.loader import check_pinned
from benchmarks.harness.worker.probes.synchronisations import counted_synchronisations
from benchmarks.harness.worker.probes.trace import traced
from ocr_models.errors import DataError

CUDA = torch.device("cuda", 0)


def _in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def _in_backward(values: Tensor) -> None:
    def wait(gradient: Tensor) -> None:
        gradient.sum().item()

    result = values.requires_grad_() * 1
    result.register_hook(wait)
    result.sum().backward()


def _without_warnings(values: Tensor) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values.sum().item()


def _recorded(event: torch.Event) -> torch.Event:
    event.record()
    return event


def _empty_cache(_: Tensor) -> None:
    torch.empty(2**26, device=CUDA)
    torch.cuda.empty_cache()


CALLS: dict[str, Callable[[Tensor], object]] = {
    "nothing": lambda values: values + 1,
    "pinned copy": lambda values: torch.empty(8, pin_memory=True).to(CUDA, non_blocking=True),
    "item": lambda values: values.sum().item(),
    "fifty items": lambda values: [values.sum().item() for _ in range(50)],
    "item in backward": lambda values: _in_backward(values),
    "item in a thread": lambda values: _in_thread(lambda: values.sum().item()),
    "item without warnings": _without_warnings,
    "cpu": lambda values: values.cpu(),
    "pageable copy": lambda values: torch.randn(8).to(CUDA),
    "tensor of a number": lambda values: torch.tensor(3.0, device=CUDA),
    "synchronize": lambda values: torch.cuda.synchronize(),
    "synchronize in a thread": lambda values: _in_thread(torch.cuda.synchronize),
    "accelerator": lambda values: torch.accelerator.synchronize(),
    "stream": lambda values: torch.cuda.current_stream().synchronize(),
    "event": lambda values: _recorded(torch.cuda.Event()).synchronize(),
    "event of any device": lambda values: _recorded(torch.Event("cuda")).synchronize(),
    "empty_cache": _empty_cache,
    "pageable copy, non_blocking": lambda values: torch.randn(2**20).to(CUDA, non_blocking=True),
    "into pageable memory, non_blocking": lambda values: values.to("cpu", non_blocking=True),
}


def seen(name: str) -> tuple[int, int | None]:
    """How many waits of a call are counted in the measured steps, and in the trace."""
    values = torch.randn(64, device=CUDA)
    call = CALLS[name]
    with counted_synchronisations(CUDA) as found:
        call(values)
    assert found is not None

    def action() -> None:
        call(values.detach())

    return found.count, traced(action, CUDA)


def pinned() -> list[str]:
    """What is said of a pinned tensor, of a pageable one, of one on the GPU, of a part of a pinned one, of one without
    values, which lies in no memory."""
    whole = torch.empty(4, 2, pin_memory=True)

    def said(tensor: Tensor) -> str:
        try:
            check_pinned((whole, tensor))
        except DataError as error:
            return str(error)
        return ""

    nothing = torch.empty(4, 0).pin_memory()
    return [said(each) for each in (whole, torch.empty(4), torch.empty(4, device=CUDA), whole[1:, :1], nothing)]
