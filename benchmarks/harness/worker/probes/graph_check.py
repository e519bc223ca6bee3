"""Whether the compiled graph that was measured computes what the same step computes without compilation.

The reference figures are those of a small image. Compiling the step for it would take as long as compiling it for the
training, and would check another graph. So the step is checked against them without compilation, and the graph of the
measured steps is compared with that step: same weights, same batch, same precision.
"""

from __future__ import annotations

import gc
import math
import resource
import sys
from dataclasses import replace

import psutil
import torch
from torch import Tensor

from benchmarks.harness.protocol.control_groups import ControlGroups
from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.reference import COUNT, TOLERANCES, deviation
from benchmarks.harness.protocol.reports import GraphCheck
from benchmarks.harness.protocol.stages import PROBES, Position
from benchmarks.harness.worker.backends import without_search
from benchmarks.harness.worker.exceptions import failure_kind
from benchmarks.harness.worker.probes.compiled import Counts
from benchmarks.harness.worker.probes.reference_check import gradient_norm, take_step
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

Figures = dict[str, float]


def graph_check(set_up: SetUp, trainer: Trainer, batch: Batch) -> GraphCheck | None:
    """The last use of `trainer`: its weights are fixed as for the reference. `batch` is a training batch of this rank.

    None if the memory of a rank does not suffice for a step without compilation; a line in the train log says so.
    Every rank of the case must call it.
    """
    reference = set_up.task.reference
    assert reference is not None, "the caller knows that there are reference figures"
    reference.fix_weights(trainer.model)
    graphs = Counts.now().graphs
    compiled = _figures(trainer, take_step(trainer, batch))
    graphs = Counts.now().graphs - graphs
    gradients = [None if gradient is None else gradient.to("cpu", copy=True) for gradient in _gradients(trainer)]
    trainer.model.zero_grad(set_to_none=True)
    eager = _eager_figures(set_up, trainer, batch)
    if eager is None:
        return None
    difference = _distance(gradients, _gradients(trainer)) / eager["gradient_norm"] if eager["gradient_norm"] else None
    trainer.model.zero_grad(set_to_none=True)
    tolerance = {name: limit for name, limit in TOLERANCES[trainer.case.precision].items() if name != "targets"}
    return GraphCheck(
        figures={name: value if math.isfinite(value) else None for name, value in compiled.items()},
        eager={name: value if math.isfinite(value) else None for name, value in eager.items()},
        deviation={name: deviation(compiled.get(name), value) for name, value in eager.items() if name != COUNT},
        tolerance=tolerance,
        gradient_difference=difference if difference is not None and math.isfinite(difference) else None,
        graphs_compiled=graphs,
    )


def _eager_figures(set_up: SetUp, trainer: Trainer, batch: Batch) -> Figures | None:
    """Of the step without compilation, its gradients averaged over the ranks; None if it does not fit on every rank."""
    alone = replace(trainer.case, mode="sp", compile=False, processes=1, batch_size=len(batch[0]))
    eager = Trainer(set_up.task, alone, trainer.device, Position(stage=PROBES))
    means: Figures | None = None
    if _may_fit(trainer.device, set_up.plan.local_processes):
        means = _step_that_fits(eager, batch)
    if not set_up.group.all_agree(means is not None) or means is None:
        print(
            "the compiled step cannot be compared with one without compilation, which needs more memory than there is; "
            "its reference check is made with a graph of its own",
            file=sys.stderr,
            flush=True,
        )
        return None
    set_up.group.average([gradient for gradient in _gradients(eager) if gradient is not None])
    return _figures(eager, means)


def _step_that_fits(eager: Trainer, batch: Batch) -> Figures | None:
    """The losses of a step; None if it runs out of memory, which is then released."""
    try:
        with without_search():
            return take_step(eager, batch)
    except Exception as error:
        if failure_kind(error, PROBES) != "out_of_memory":
            raise
        print(one_line(error), file=sys.stderr, flush=True)
    eager.model.zero_grad(set_to_none=True)
    gc.collect()
    if eager.device.type == "cuda":
        torch.cuda.empty_cache()
    return None


def _may_fit(device: torch.device, local_ranks: int) -> bool:
    """On a GPU a step may be tried. On the CPU the system would end the process, so there must be as much memory left
    as the ranks have used so far.
    """
    if device.type == "cuda":
        return True
    available = psutil.virtual_memory().available
    limit = ControlGroups.of().available_memory_bytes()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return min(available, available if limit is None else limit) >= local_ranks * peak


def _figures(trainer: Trainer, losses: Figures) -> Figures:
    """Losses, norm of the gradient, and number of parameters that have one."""
    count = sum(gradient is not None for gradient in _gradients(trainer))
    return losses | {"gradient_norm": gradient_norm(trainer.model), COUNT: count}


def _gradients(trainer: Trainer) -> list[Tensor | None]:
    return [parameter.grad for parameter in trainer.model.parameters()]


def _distance(some: list[Tensor | None], others: list[Tensor | None]) -> float:
    """Norm of the difference of two gradients. A parameter that has one of them only is found by their number."""
    pairs = [(a, b.cpu()) for a, b in zip(some, others, strict=True) if a is not None and b is not None]
    return math.sqrt(sum(float((a.double() - b.double()).square().sum()) for a, b in pairs))
