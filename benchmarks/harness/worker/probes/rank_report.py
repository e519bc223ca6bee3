"""What every rank reports after its measured steps, whatever was measured."""

from __future__ import annotations

from typing import Any

from torch.utils._pytree import tree_leaves

from benchmarks.harness.protocol.reports import DataDescription, RankReport, SharedReport
from benchmarks.harness.protocol.stages import PROBES
from benchmarks.harness.worker.precision import effective_precision
from benchmarks.harness.worker.probes.environment import describe_environment, device_name
from benchmarks.harness.worker.probes.flops import model_report
from benchmarks.harness.worker.probes.memory_format import memory_format
from benchmarks.harness.worker.probes.parameters import parameters_sha256
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.set_up import SetUp
from ocr_models.errors import shown
from ocr_models.task import DataSet

MAX_REMARKS = 20


def rank_report(set_up: SetUp, watch: TrainingWatch, steps: int, held_out: DataSet | None = None) -> RankReport:
    """Begin the probes. To be called right after the measured steps: peak memory is theirs.

    `watch` observed the measured steps; `steps` is their number. `held_out` is the other split, if the measurement has
    read it.

    Raises:
        PrecisionError: if anything in the steps has changed torch's arithmetic.
    """
    set_up.begin(PROBES)
    set_up.position.stage = PROBES
    model = set_up.task.model
    memory = watch.memory.peaks()
    with set_up.timed("training_report"):
        training = watch.report(steps)
    with set_up.timed("parameters"):
        digest = parameters_sha256(model) if set_up.case.mode == "mp" else None
    with set_up.timed("environment"):
        shared = _shared_report(set_up, watch.inputs(), held_out)
    with set_up.timed("flops"):
        network = model_report(model, watch.inputs(samples=1)) if set_up.rank == 0 else None
    return RankReport(
        memory=memory,
        training=training,
        parameters_sha256=digest,
        shared=shared,
        model=network,
    )


def _shared_report(set_up: SetUp, inputs: Any, held_out: DataSet | None) -> SharedReport:
    remarks = [remark for data in (set_up.data, held_out) for remark in getattr(data, "remarks", ()) if remark]
    excluded = [*getattr(set_up.data, "excluded", {}).items()][:MAX_REMARKS]
    return SharedReport(
        gradient_bytes=sum(p.numel() * p.element_size() for p in set_up.task.model.parameters() if p.requires_grad),
        precision=effective_precision(set_up.case),
        memory_format=memory_format([*set_up.task.model.parameters(), *tree_leaves(inputs)]),
        notes=[*map(shown, set_up.task.notes)],
        device=device_name(set_up.device),
        data=DataDescription(
            set_up.data.layout,
            len(set_up.data),
            [*map(shown, remarks[:MAX_REMARKS])],
            {shown(reason): number for reason, number in excluded},
        ),
        environment=describe_environment(set_up.device),
    )
