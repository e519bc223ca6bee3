"""What torch.compile really did: dynamo's counters, and which layers a step runs outside of compiled graphs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch._dynamo import config, convert_frame, utils
from torch._dynamo.utils import counters

from benchmarks.harness.protocol.training import CompileReport
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

COMPILED_PARTS = ("entire_frame_compile", "entire_backward_compile")
"""Names of dynamo for what it times: a function with all that it compiles for it, and the backward graph, later."""


@dataclass(frozen=True)
class Counts:
    """Of this process, so far."""

    graphs: int
    graph_breaks: int
    recompilations: int
    failed_frames: int
    seconds: float

    @classmethod
    def now(cls) -> Counts:
        frames = counters["frames"]
        nanoseconds = getattr(utils, "cumulative_time_spent_ns", {})
        compilations = getattr(convert_frame, "FRAME_COMPILE_COUNTER", {})  # code -> how often it was compiled
        return cls(
            graphs=counters["stats"]["unique_graphs"],
            graph_breaks=sum(counters["graph_break"].values()),
            recompilations=sum(max(0, count - 1) for count in compilations.values()),
            failed_frames=frames["total"] - frames["ok"],
            seconds=sum(nanoseconds.get(part, 0.0) for part in COMPILED_PARTS) / 1e9,
        )


class CompileWatch:
    """The compilations of this process, from now on: the window begins."""

    def __init__(self) -> None:
        self._before = Counts.now()

    def report(self, trainer: Trainer, batch: Batch) -> CompileReport:
        """Of all compilations so far. Takes a step on `batch`, without its optimiser."""
        now = Counts.now()
        layers = own_parameter_layers(trainer.model)
        return CompileReport(
            graphs=now.graphs,
            graph_breaks=now.graph_breaks,
            recompilations=now.recompilations,
            compilations_in_window=now.graphs - self._before.graphs,
            failed_frames=now.failed_frames,
            seconds=now.seconds,
            errors_suppressed=bool(config.suppress_errors),
            layers=len(layers),
            eager_layers=len(eager_layers(trainer, layers, batch)),
        )


def own_parameter_layers(model: nn.Module) -> list[nn.Module]:
    """The modules that have parameters of their own, not only in their children."""
    return [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None]


def eager_layers(trainer: Trainer, layers: list[nn.Module], batch: Batch) -> list[nn.Module]:
    """The layers that a step runs in eager mode. Compiled code calls no hook of a module; eager code does."""
    found: dict[int, nn.Module] = {}

    def note(layer: nn.Module, _: object) -> None:
        found[id(layer)] = layer

    note = torch.compiler.disable(note)  # beside eager code, dynamo would compile the hook itself
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    trainer.backward(batch)
    trainer.optimizer.zero_grad(set_to_none=True)
    for hook in hooks:
        hook.remove()
    return list(found.values())
