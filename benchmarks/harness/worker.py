"""What runs in each rank of a case: `python -m benchmarks.harness.worker PLAN`, started by the agent.

It trains as its plan says, prints a log line per step (rank 0), and tells every step and the result to its event file.
"""

from __future__ import annotations

import faulthandler
import math
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.events import EventWriter
from benchmarks.harness.failures import disagreement
from benchmarks.harness.liveness import Position, watch
from benchmarks.harness.records import Failure, RankResult, StepRecord
from benchmarks.harness.settings import Plan
from benchmarks.harness.train_log import format_step

if TYPE_CHECKING:
    from benchmarks.harness.group import Group


class AgreedFailureError(Exception):
    """What all ranks found together to be wrong."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def main(plan_path: str) -> int:
    plan = Plan.read(Path(plan_path))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # the launcher asks for stacks when a case hangs
    worker = Worker(plan, local_rank=int(os.environ["LOCAL_RANK"]))
    watch(plan.parent_pid, Path(plan.run_folder), worker.position, worker.events)
    try:
        worker.train()
    except BaseException as error:
        worker.fail(printed_cause(error, worker.position))
        return 1
    return 0


def printed_cause(error: BaseException, position: Position) -> BaseException:
    """The error, or what torch has to say a moment later of the loader process behind it.

    torch raises out of a signal handler, wherever this process stands, when a loader process has died; the pipe to that
    process may break before.
    """
    try:
        traceback.print_exc()
        if position.stage == "data" and isinstance(error, OSError | EOFError):
            time.sleep(1)
    except RuntimeError as later:
        print(f"{type(later).__name__}: {later}", file=sys.stderr, flush=True)
        return later
    return error


class Worker:
    """One rank of a case."""

    def __init__(self, plan: Plan, local_rank: int) -> None:
        self.plan = plan
        self.case = plan.parsed_case()
        self.local_rank = local_rank
        self.rank = plan.local_ranks[local_rank]
        self.position = Position()
        self.group: Group | None = None
        self.records: list[StepRecord] = []
        self.events = EventWriter(Path(plan.run_folder), self.rank)
        self.events.write("phase", name="set-up", pid=os.getpid())

    def train(self) -> None:
        """Set up, warm up, measure, report."""
        import torch  # here, so that a failing import is told like any other failure

        from benchmarks.harness import ceilings, reports
        from benchmarks.harness.clock import StepClock
        from benchmarks.harness.group import Group
        from benchmarks.harness.precision import apply_precision
        from benchmarks.harness.trainer import Trainer, make_loader, rank_device
        from ocr_models import MODELS
        from ocr_models.cache import default_cache_dir
        from ocr_models.data.decoded import decoded_images
        from ocr_models.data.icdar2015 import read_annotated_set

        plan, case = self.plan, self.case
        torch.set_num_threads(plan.threads)
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        apply_precision(case)
        assert plan.data is not None
        annotated = read_annotated_set(Path(plan.data))
        device = rank_device(case, self.local_rank)
        images = annotated.images if plan.cache == "none" else decoded_images(annotated.images, default_cache_dir())
        task = MODELS[case.model].load_task_builder()(images, image_size=plan.image_size, seed=plan.seed, device=device)
        batches = iter(make_loader(task, case, plan, self.rank))  # its processes fill their queues from here on
        self.group = Group(case, self.rank, device, plan.timeout_seconds)
        trainer = Trainer(task, case, device, self.position)
        clock = StepClock(device, plan.total_steps, lambda record: self.take(record, trainer.learning_rate))

        self.events.phase("warm-up")
        clock.begin(warmup=True)
        trainer.run(batches, plan.warmup_steps, clock)
        clock.finish()
        self.group.barrier()
        self.events.phase("window")
        clock.begin(warmup=False)
        with reports.counted_synchronisations(device) as synchronisations:
            trainer.run(batches, plan.steps, clock)
        window_seconds = clock.finish()

        self.events.phase("reports")
        self.position.stage = "reports"
        report = reports.rank_report(case, task, plan.image_size, device, self.rank)
        report["data"] = {"layout": annotated.layout, "images": len(annotated.images)}
        report["host_synchronisations"] = None if synchronisations is None else synchronisations.count
        report["compute_ceiling"] = ceilings.compute_ceiling(trainer, next(batches))
        report["loader_ceiling"] = ceilings.loader_ceiling(batches, plan.workers)
        if plan.profile_loader:
            report["loader_profile"] = ceilings.loader_profile(task.dataset, case.batch_size_per_process)
        self.agree(RankResult(self.rank, window_seconds, tuple(self.records), report))

    def take(self, record: StepRecord, learning_rate: float) -> None:
        """A step is done: tell it, and refuse one whose loss is no number, since nothing after it counts."""
        self.records.append(record)
        self.events.step(record)
        if self.rank == 0:
            print(format_step(record, self.plan.total_steps, learning_rate), flush=True)
        check_finite(record)

    def agree(self, own: RankResult) -> None:
        """Compare the ranks' results. Each node's first rank tells them all: there is no other way between nodes."""
        assert self.group is not None
        results = self.group.all_results(own)
        failure = disagreement(results)
        if failure is not None:
            raise AgreedFailureError(failure)
        for result in results if self.local_rank == 0 else [own]:
            self.events.result(result)

    def fail(self, error: BaseException) -> None:
        failure = Failure(failure_kind(error, self.position.stage), one_line(error), self.rank)
        if isinstance(error, AgreedFailureError):
            failure = error.failure
        elif self.group is not None:
            self.group.tell_failure(failure)
            failure = self.group.failure_of_another() or failure
        self.events.failure(failure)


def check_finite(record: StepRecord) -> None:
    from benchmarks.harness.trainer import NonFiniteLossError

    for name, value in record.losses.items():
        if not math.isfinite(value):
            raise NonFiniteLossError(f"{name} is {value} at step {record.index}")


def failure_kind(error: BaseException, stage: str) -> str:
    """The word for an exception in a stage, as it stands in `failure.kind`."""
    import torch

    from benchmarks.harness.trainer import NonFiniteLossError
    from ocr_models.data.icdar2015 import DataError

    text = str(error)
    if isinstance(error, NonFiniteLossError):
        return "non_finite_loss"
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        return "out_of_memory"
    if isinstance(error, DataError) or "DataLoader worker" in text or stage == "data":
        return "data"
    return "exception"


def one_line(error: BaseException) -> str:
    """Type and message of an exception; of one that crossed from a loader process, the original's last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    text = lines[-1] if lines[0].startswith("Caught ") and "DataLoader worker" in lines[0] else lines[0]
    name = type(error).__name__
    return text if text.split(":")[0].split(".")[-1] == name else f"{name}: {text}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
