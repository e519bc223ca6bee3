"""The reference check of one step, as the tests of several models use it."""

from __future__ import annotations

import torch

from benchmarks.cases import parse_case
from benchmarks.harness.results.checks.ranks import wrong_result
from benchmarks.harness.worker.probes import reference_check as reference_checks
from benchmarks.harness.worker.probes.reference_check import reference_check
from ocr_models import MODELS
from ocr_models.task import Batch, TrainingTask

CPU = torch.device("cpu")
CHECKED = ("psenet", "psenetr18", "dbr50", "dbr18", "crnn", "crnnvgg", "crnnvgg128", "parseq", "parseqtiny")
REFERENCES = {name: MODELS[name].reference_figures or {} for name in CHECKED}


def fixed_task(model: str) -> tuple[TrainingTask, Batch]:
    """A model's task with fixed weights, and its fixed batch."""
    task = reference_checks._build(model, CPU, "fp32")
    assert task.reference is not None
    task.reference.fix_weights(task.model)
    return task, task.reference.batch()


def judged(model: str, precision: str) -> str | None:
    """Why the step of a model is wrong, None if it is right."""
    return wrong_result(reference_check(parse_case(f"{model}_sp_bs2_{precision}_cpu1"), CPU))
