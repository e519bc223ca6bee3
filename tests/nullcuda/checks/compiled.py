"""What Inductor generates for a compiled step, without compiling its kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any
from unittest import mock

import torch
from torch._dynamo.utils import counters
from torch._inductor.async_compile import AsyncCompile

from tests.nullcuda import device
from tests.nullcuda.checks.steps import prepared
from tests.nullcuda.host_waits import no_host_wait

ATOMIC = re.compile(r"tl\.atomic_add\(")
ELEMENTS = re.compile(r"\b[xyz]numel = (\d+)")


@dataclass
class Kernels:
    """Launches, and atomic additions, of the kernels of Triton."""

    launches: int = 0
    atomics: int = 0
    names: dict[str, int] = field(default_factory=dict)


class CountedKernel:
    """Instead of a compiled kernel: compiling hundreds takes minutes, and they would do nothing on the device."""

    def __init__(self, name: str, source: str, kernels: Kernels) -> None:
        elements = [int(number) for number in ELEMENTS.findall(source)]
        self._name, self._kernels = name, kernels
        # One addition for each element of the grid and call in the source; reductions have none.
        self._atomics = len(ATOMIC.findall(source)) * prod(elements)

    def run(self, *_: Any, **__: Any) -> None:
        self._kernels.launches += 1
        self._kernels.atomics += self._atomics
        if self._atomics:
            self._kernels.names[self._name] = self._kernels.names.get(self._name, 0) + self._atomics


@contextmanager
def counted_kernels() -> Iterator[Kernels]:
    """Inductor generates the code of its kernels, which then only count."""
    kernels = Kernels()

    def triton(_: AsyncCompile, name: str, source: str, *__: Any, **___: Any) -> CountedKernel:
        return CountedKernel(name, source, kernels)

    with (
        mock.patch.object(AsyncCompile, "triton", triton),
        torch._inductor.config.patch(fx_graph_cache=False, compile_threads=1),
        torch._functorch.config.patch(enable_autograd_cache=False),
    ):
        yield kernels


def counted(case: str, data: str, image_size: int) -> dict[str, Any]:
    """What one measured step of a compiled case does; torch raises an error if the host waits."""
    counters.clear()
    with counted_kernels() as kernels, prepared(case, data, image_size) as steps:
        graphs = counters["stats"]["unique_graphs"]
        device.reset()
        kernels.launches, kernels.atomics, kernels.names = 0, 0, {}
        with no_host_wait():
            steps.run(1)
        found: dict[str, Any] = device.counts()
        found |= {"triton_launches": kernels.launches, "atomics": kernels.atomics, "atomic_kernels": kernels.names}
        found["graphs"] = graphs
    return found
