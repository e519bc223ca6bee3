"""A training that must learn its samples by heart, taken in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.harness.protocol.events import EventWriter
from benchmarks.harness.protocol.reports import ConvergenceReport
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.convergence import measure_convergence
from benchmarks.harness.worker.set_up import set_up
from in_process import restored_torch
from ocr_models.parseq.dataset import PARSeqDataset
from samples import planned_run


def test_its_own_samples_are_scored_and_are_not_augmented(
    word_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(
        "parseqtiny_sp_bs2_fp32_cpu1", "convergence", words=word_folder, output=tmp_path, steps=1, loader_workers=0
    )
    events = EventWriter(tmp_path, 0)
    with restored_torch(monkeypatch):
        made = set_up(structs.replace(run.plan, threads=1, run_folder=str(tmp_path)), 0, events, Position())
        measured = measure_convergence(made)
    events._file.close()
    assert isinstance(made.dataset, PARSeqDataset)
    assert not made.dataset.augment
    assert isinstance(measured.own, ConvergenceReport)
    assert measured.own.held_out_is_training
    assert measured.own.held_out_samples == len(made.data)
