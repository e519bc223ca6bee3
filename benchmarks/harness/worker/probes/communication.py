"""What the exchange of gradients adds to a step: the part that the backward pass does not hide."""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager, nullcontext

from benchmarks.harness.protocol.reports import CommunicationReport
from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

SECONDS = 3.0  # as many rounds as fit; at least one, which on a CPU may take longer
MAX_ROUNDS = 9
STEPS = {"cpu": 1, "cuda": 5}  # of a turn; on a GPU the host must run ahead as in training


def communication(trainer: Trainer, batch: Batch, group: Group, step_seconds: float) -> CommunicationReport:
    """Steps with and without exchange of gradients, in turns on all ranks.

    `batch` is on the device. `step_seconds` is about the duration of a step, from which the number of rounds follows.
    The parameters of the ranks differ afterwards, so this must follow whatever compares them.
    """
    turn = STEPS[trainer.device.type] * group.maximum(step_seconds)  # the same on all ranks: each must take part
    rounds = max(1, min(MAX_ROUNDS, int(SECONDS / (2 * turn))))
    together, local = [], []
    for _ in range(rounds):
        local.append(_seconds_of_a_step(trainer, batch, group, trainer.without_exchange()))
        together.append(_seconds_of_a_step(trainer, batch, group, nullcontext()))
    step, alone = statistics.median(together), statistics.median(local)
    return CommunicationReport(step, alone, max(0.0, step - alone))


def _seconds_of_a_step(trainer: Trainer, batch: Batch, group: Group, context: AbstractContextManager[object]) -> float:
    group.barrier()
    wait_for(trainer.device)
    steps, start = STEPS[trainer.device.type], time.perf_counter()
    with context:
        for _ in range(steps):
            trainer.step(batch)
    wait_for(trainer.device)
    return (time.perf_counter() - start) / steps
