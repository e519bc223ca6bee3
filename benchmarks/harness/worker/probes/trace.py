"""Traces a few steps after the measured ones, and counts in them what makes the host wait for the GPU."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.profiling.waits import RANGE, is_pageable_copy, is_waiting_call
from benchmarks.harness.worker.trainer import Trainer

STEPS = 3
HOOKS = ("torch.cuda._gpu_trace", "torch.utils._cuda_trace")  # name of the module in newer and in older versions
HOOKED = ("device", "stream", "event")


class _Hooks:
    """Torch's hooks for its own waits. They stay for the rest of the process, so this is the last of the probes.

    Attributes:
        counts: kind of wait -> how often, while `active`.
        present: whether this torch has them.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.active = False
        self.present = False
        for name in HOOKS:
            try:
                module = import_module(name)
            except ImportError:
                continue
            for kind in HOOKED:
                getattr(module, f"register_callback_for_{kind}_synchronization")(self._callback(kind))
            torch._C._activate_gpu_trace()
            self.present = True
            return

    def _callback(self, kind: str) -> Callable[..., None]:
        def note(*_: object) -> None:
            if self.active:
                self.counts[f"{kind} synchronisation"] += 1

        return note


_hooks = cache(_Hooks)
"""Those of this process."""


def traced_synchronisations(trainer: Trainer, batches: Iterator[LoadedBatch]) -> int | None:
    """How often the host waited for the GPU in `STEPS` steps; None if nothing can observe it."""

    def steps() -> None:
        for _ in range(STEPS):
            trainer.step(trainer.on_device(next(batches).batch))

    return traced(steps, trainer.device)


def traced(action: Callable[[], None], device: torch.device) -> int | None:
    """How often an action makes the host wait for the GPU, each kind named once in the train log.

    Copies of pageable memory are seen only by CUDA's profiler; a line in the train log says if it reports nothing. None
    if nothing can observe the action.
    """
    hooks = _hooks()
    hooks.counts.clear()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        with record_function(RANGE):
            hooks.active = True
            action()
            hooks.active = False
        wait_for(device)
    profiled = profiled_waits(profiler)
    if profiled is None:
        print("CUDA's profiler reports nothing: copies of pageable memory are not seen", file=sys.stderr, flush=True)
    if profiled is None and not hooks.present:
        return None
    found = max(hooks.counts, profiled or Counter(), key=Counter.total)
    for name, count in found.items():
        print(f"the host waited in the traced steps: {count} x {name}", file=sys.stderr, flush=True)
    return found.total()


def profiled_waits(profiler: profile) -> Counter[str] | None:
    """Name -> number of waits within the traced range; None if CUDA's profiler has not seen any kernel."""
    events = profiler.events() or []
    if not any(event.device_type == DeviceType.CUDA for event in events):
        return None
    # The range is on the timeline of the GPU, too, which runs the steps later.
    steps = next(each for each in events if each.name == RANGE and each.device_type == DeviceType.CPU)
    begin, end = steps.time_range.start, steps.time_range.end
    found: Counter[str] = Counter()
    for event in events:
        on_host = event.device_type == DeviceType.CPU
        if on_host and is_waiting_call(event.name) and begin <= event.time_range.start <= end:
            found[event.name] += 1
        if not on_host and is_pageable_copy(event.name) and event.time_range.start >= begin:
            found[event.name] += 1
    return found
