"""What it costs to measure: a step through the harness, compared with the same step in a bare loop."""

from __future__ import annotations

import contextlib
from pathlib import Path

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("harness")

ROUNDS = 50  # of one step each: short turns, so that a disturbance affects both sides
MAX_SECONDS = 60.0  # a busy machine gets fewer rounds


def test_throughput_compared_with_a_bare_loop(data_folder: Path, tmp_path: Path, ratio_report: RatioReport) -> None:
    """A step with the harness's clock, record, event and log line, compared with one whose loss is read."""
    from benchmarks.components.resident import resident_trainer
    from benchmarks.harness.protocol.events import EventWriter
    from benchmarks.harness.worker.clock import StepClock
    from benchmarks.harness.worker.loader import LoadedBatch
    from benchmarks.harness.worker.step_log import StepLog

    trainer, batch = resident_trainer("psenet_sp_bs2_fp32_cpu1", data_folder, image_size=128)
    total_steps = ROUNDS + 1  # the first round is not counted
    loaded = LoadedBatch(batch, [(0, 0), (1, 1)])
    clock = StepClock(trainer.device, total_steps, StepLog(EventWriter(tmp_path, 0), trainer, total_steps))

    def harness() -> None:
        clock.begin(warmup=False)
        trainer.run(iter((loaded,)), 1, clock)
        clock.finish()

    def bare() -> None:
        trainer.step(batch)["loss"].item()

    with (tmp_path / "train_log").open("w") as log, contextlib.redirect_stdout(log):
        ratio_report.compare(
            "throughput in the harness / in a bare loop",
            harness,
            bare,
            "within",
            0.01,
            rounds=ROUNDS,
            max_seconds=MAX_SECONDS,
        )
