"""The profile measurement in one rank: warm up, take some steps, then as many with torch's profiler, and say what
happened in them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.profile_report import TRACE_FILE, ProfileReport
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.stages import PROBES, WINDOW, Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.probes.work import WorkCounter, count_eager_step
from benchmarks.harness.worker.profiling.analysis import Analysis, Profiled
from benchmarks.harness.worker.profiling.events import read_events
from benchmarks.harness.worker.profiling.recording import export, in_range, recording, start_up, stripped
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog
from benchmarks.harness.worker.trainer import SeenSteps, Trainer
from benchmarks.harness.worker.warming_up import warmed_up

MAX_TRACE_BYTES = 256 * 2**20
"""Of a trace as JSON, which has a tenth of that when compressed. A larger one is not left."""


def measure_profile(set_up: SetUp) -> Measured:
    """Train `plan.steps` measured steps without the profiler, and the same number with it.

    Raises:
        ProfilerError: if the profiler did not report what ran.
    """
    plan = set_up.plan
    trainer = set_up.trainer()
    log = StepLog(set_up.events, trainer, plan.total_steps)
    clock = StepClock(set_up.device, plan.total_steps, log)
    with set_up.timed("profiler"):
        start_up(set_up.device)
    batches, counter = warmed_up(set_up, trainer, clock)
    watch = TrainingWatch(set_up, trainer, plan.warmup_steps)
    set_up.group.barrier()
    set_up.begin(WINDOW)
    clock.begin(warmup=False)
    trainer.run(batches, plan.steps, clock)
    seconds = clock.finish()
    memory, seen = watch.memory.peaks(), trainer.seen
    records, trace = _profiled_steps(set_up, trainer, batches)
    trainer.seen = seen  # the profiled steps are not the measured ones
    report = structs.replace(rank_report(set_up, watch, plan.steps), memory=memory)
    with set_up.timed("profile"):
        own = _report(set_up, trainer, counter, records, trace)
    return Measured(seconds, tuple(log.records), report, own)


def _profiled_steps(
    set_up: SetUp, trainer: Trainer, batches: Iterator[LoadedBatch]
) -> tuple[Sequence[StepRecord], bytes]:
    """Take steps with the profiler at once, while the loader is as busy as before -> their records and their trace."""
    steps, records = set_up.plan.steps, list[StepRecord]()
    set_up.begin(PROBES)
    set_up.position.stage = PROBES
    trainer.seen, trainer.position = SeenSteps(), Position(stage=PROBES)  # these steps are not the training's
    settling = StepClock(set_up.device, 1, lambda _: None)
    clock = StepClock(set_up.device, steps, records.append)

    def settle() -> None:
        settling.begin(warmup=True)
        trainer.run(batches, 1, settling)
        settling.finish()

    with recording(set_up.device, settle) as profiler:
        set_up.group.barrier()
        clock.begin(warmup=False)
        in_range(lambda: trainer.run(batches, steps, clock))
        clock.finish()
    return records, export(profiler.export_chrome_trace, Path(set_up.plan.run_folder))


def _report(
    set_up: SetUp, trainer: Trainer, counter: WorkCounter, records: Sequence[StepRecord], trace: bytes
) -> ProfileReport:
    rank, on_gpu = set_up.rank, set_up.device.type == "cuda"
    waited = sum(each.data_wait_seconds for each in records)
    analysis = Analysis(Profiled(read_events(trace), len(records), waited, on_gpu))
    profile = analysis.rank_profile(rank, communicates=set_up.case.mode == "mp")
    if rank:
        return ProfileReport(profile, None, len(records))
    if not counter.operations:
        batch = tuple(each.to(set_up.device) for each in trainer.seen.batch)
        count_eager_step(set_up.task, trainer, batch, counter)
    return ProfileReport(profile, analysis.detail(counter.operations), len(records), _leave(set_up, trace))


def _leave(set_up: SetUp, trace: bytes) -> str | None:
    """Leave the trace for the pytest process. Returns why there is none; the figures of the profile do not need it."""
    folder = Path(set_up.plan.run_folder)
    if len(trace) > MAX_TRACE_BYTES:
        problem = f"it has {len(trace) // 2**20} MiB, more than {MAX_TRACE_BYTES // 2**20}: profile fewer steps"
    else:
        try:
            (folder / TRACE_FILE).write_bytes(msgspec.json.encode(stripped(trace)))
            return None
        except OSError as error:
            problem = one_line(error)
    print(f"warning: no trace is left: {problem}", file=sys.stderr, flush=True)
    return problem
