"""What every rank reports after its measured steps, whatever was measured."""

from __future__ import annotations

import hashlib
import resource

import torch
from torch import nn

from benchmarks.harness.protocol.reports import DataDescription, RankReport, SharedReport
from benchmarks.harness.protocol.stages import PROBES
from benchmarks.harness.worker.precision import effective_precision
from benchmarks.harness.worker.probes.environment import describe_environment, device_name
from benchmarks.harness.worker.probes.flops import flops_per_sample
from benchmarks.harness.worker.probes.gpu import gpu_state
from benchmarks.harness.worker.set_up import SetUp
from ocr_models.errors import shown
from ocr_models.task import DataSet

MAX_REMARKS = 20


def rank_report(set_up: SetUp, held_out: DataSet | None = None) -> RankReport:
    """Begin the probes. To be called right after the measured steps: peak memory and GPU state are theirs.

    `held_out` is the other split, if the measurement has read it.
    """
    set_up.begin(PROBES)
    set_up.position.stage = PROBES
    device, cuda = set_up.device, set_up.device.type == "cuda"
    return RankReport(
        peak_memory_bytes=peak_memory_bytes(device),
        gpu_state=gpu_state(f"GPU-{torch.cuda.get_device_properties(device).uuid}") if cuda else None,
        parameters_sha256=parameters_sha256(set_up.task.model) if set_up.case.mode == "mp" else None,
        shared=_shared_report(set_up, held_out) if set_up.rank == 0 else None,
    )


def _shared_report(set_up: SetUp, held_out: DataSet | None) -> SharedReport:
    model = set_up.task.model
    remarks = [remark for data in (set_up.data, held_out) for remark in getattr(data, "remarks", ()) if remark]
    return SharedReport(
        flops_per_sample=flops_per_sample(model, set_up.task.input_shape),
        gradient_bytes=sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad),
        precision=effective_precision(set_up.case),
        device=device_name(set_up.device),
        data=DataDescription(set_up.data.layout, len(set_up.data), [*map(shown, remarks[:MAX_REMARKS])]),
        environment=describe_environment(set_up.device),
    )


def peak_memory_bytes(device: torch.device) -> int:
    """On a GPU the peak of the memory that torch had allocated there, on the CPU the peak resident memory of this
    process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def parameters_sha256(model: nn.Module) -> str:
    """Of the bytes of all parameters, in their order."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
