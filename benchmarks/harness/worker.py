"""What runs in each rank of a case: `python -m benchmarks.harness.worker PLAN`, started by the agent.

It trains as its plan says, prints a log line per step (rank 0), and tells every step and the result to its event file.
"""

from __future__ import annotations

import faulthandler
import itertools
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.causes import AgreedFailureError, failure_kind, is_unanswered, one_line, printed_cause
from benchmarks.harness.events import EventWriter
from benchmarks.harness.failures import disagreement
from benchmarks.harness.liveness import Position, standing_still, watch
from benchmarks.harness.records import Failure, RankResult, StepRecord
from benchmarks.harness.settings import Plan
from benchmarks.harness.train_log import format_step

if TYPE_CHECKING:
    import torch

    from benchmarks.harness.clock import StepClock
    from benchmarks.harness.group import Group
    from benchmarks.harness.trainer import Trainer
    from ocr_models.data.icdar2015 import AnnotatedSet
    from ocr_models.task import TrainingTask


SETTLING_STEPS = 5  # warm-up steps between the start of the window's loader and the window


def main(worker_class: type[Worker], plan_path: str) -> int:
    plan = Plan.read(Path(plan_path))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # the launcher asks for stacks when a case hangs
    worker = worker_class(plan, local_rank=int(os.environ["LOCAL_RANK"]))
    watch(plan.parent_pid, Path(plan.run_folder), standing_still(worker.position, worker.events))
    try:
        worker.train()
        worker.leave()
    except BaseException as error:
        worker.fail(printed_cause(error, worker.position))
        return 1
    return 0


class Worker:
    """One rank of a speed case."""

    task: TrainingTask
    trainer: Trainer
    device: torch.device
    annotated: AnnotatedSet
    group: Group | None = None

    def __init__(self, plan: Plan, local_rank: int) -> None:
        self.plan = plan
        self.case = plan.parsed_case()
        self.local_rank = local_rank
        self.rank = plan.local_ranks[local_rank]
        self.position = Position()
        self.records: list[StepRecord] = []
        self.events = EventWriter(Path(plan.run_folder), self.rank)
        self.events.write("phase", name="set-up", pid=os.getpid())

    def train(self) -> None:
        """Set up, warm up, measure, report."""
        from benchmarks.harness import reports

        self.set_up()
        clock = self.clock(self.plan.total_steps)
        self.events.phase("warm-up")
        clock.begin(warmup=True)
        first_steps = max(0, self.plan.warmup_steps - SETTLING_STEPS)
        if first_steps:
            self.trainer.run(self.batches(0), first_steps, clock)
        # What a loader lays ready during the first steps, which also compile, would feed the window, however slow it
        # is. So a new one goes on, with nothing in store but the batch that shows that its processes have started.
        batches = self.batches(first_steps)
        self.position.stage = "data"
        batches = itertools.chain((next(batches),), batches)
        self.trainer.run(batches, self.plan.warmup_steps - first_steps, clock)
        clock.finish()
        self.barrier()
        self.events.phase("window")
        clock.begin(warmup=False)
        with reports.counted_synchronisations(self.device) as synchronisations:
            self.trainer.run(batches, self.plan.steps, clock)
        window_seconds = clock.finish()
        count = None if synchronisations is None else synchronisations.count
        report = self.report() | {"host_synchronisations": count} | self.proofs(batches)
        self.agree(RankResult(self.rank, window_seconds, tuple(self.records), report))

    def set_up(self, *, scheduled: bool = False) -> None:
        """Everything up to the loader and the first step."""
        import torch  # here, so that a failing import is told like any other failure

        from benchmarks.harness.group import Group
        from benchmarks.harness.precision import apply_precision, check_precision
        from benchmarks.harness.trainer import Trainer, rank_device
        from ocr_models import MODELS
        from ocr_models.cache import default_cache_dir
        from ocr_models.data.decoded import decoded_images
        from ocr_models.data.icdar2015 import read_annotated_set

        plan, case = self.plan, self.case
        torch.set_num_threads(plan.threads)
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        apply_precision(case)
        assert plan.data is not None
        self.annotated = read_annotated_set(Path(plan.data))
        self.device = rank_device(case, self.local_rank)
        images = self.annotated.images
        if plan.cache == "decoded":
            images = decoded_images(images, default_cache_dir())
        build = MODELS[case.model].load_task_builder()
        self.task = build(images, image_size=plan.image_size, seed=plan.seed, device=self.device)
        self.group = Group(case, self.rank, self.device, plan.timeout_seconds)
        schedule = self.task.schedule(plan.total_steps) if scheduled else None
        self.trainer = Trainer(self.task, case, self.device, self.position, schedule)
        check_precision(case)  # after all that was imported and built

    def batches(self, steps_done: int) -> Any:
        """The endless stream of this rank's batches, from the one after `steps_done` on, by new loader processes."""
        from benchmarks.harness.trainer import make_loader

        return iter(make_loader(self.task, self.case, self.plan, self.rank, steps_done))

    def clock(self, total_steps: int, steps_done: int = 0) -> StepClock:
        from benchmarks.harness.clock import StepClock

        def take(record: StepRecord) -> None:
            self.take(record, self.trainer.rates[record.index - 1 - steps_done])

        return StepClock(self.device, total_steps, take, steps_done)

    def leave(self) -> None:
        """The work is done and told: part from the other ranks in order."""
        if self.group is not None:
            self.group.leave()

    def barrier(self) -> None:
        assert self.group is not None
        self.group.barrier()

    def report(self) -> dict[str, Any]:
        """What this rank knows beside its steps."""
        from benchmarks.harness import reports

        self.events.phase("reports")
        self.position.stage = "reports"
        self.trainer.position = Position(stage="reports")  # its steps from here on are none of the training's
        report = reports.rank_report(self.case, self.task, self.plan.image_size, self.device, self.rank)
        report["data"] = {"layout": self.annotated.layout, "images": len(self.annotated.images)}
        return report

    def proofs(self, batches: Any) -> dict[str, Any]:
        """What loader and step reach alone, and whether the step computes what it should."""
        from benchmarks.harness import ceilings
        from benchmarks.harness.fingerprint import fingerprint

        plan = self.plan
        proofs: dict[str, Any] = {
            "compute_ceiling": ceilings.compute_ceiling(self.trainer, next(batches)),
            "loader_ceiling": ceilings.loader_ceiling(batches, plan.workers),
        }
        if plan.profile_loader:
            proofs["loader_profile"] = ceilings.loader_profile(self.task.dataset, self.case.batch_size_per_process)
        folder = Path(plan.run_folder) / f"fixed{self.rank}"
        folder.mkdir()
        proofs["fingerprint"] = fingerprint(self.case, self.device, folder)
        return proofs

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
            failure = self.group.failure_of_another() or self.lost_node(error) or failure
        self.events.failure(failure)

    def lost_node(self, error: BaseException) -> Failure | None:
        """A rank of this node that dies is seen by the agent; one of another node only by what it no longer answers."""
        if self.plan.nodes == 1 or not is_unanswered(error):
            return None
        return Failure("killed", f"a rank on another node is gone: {one_line(error)}")


def check_finite(record: StepRecord) -> None:
    from benchmarks.harness.trainer import NonFiniteLossError

    for name, value in record.losses.items():
        if not math.isfinite(value):
            raise NonFiniteLossError(f"{name} is {value} at step {record.index}")


if __name__ == "__main__":
    sys.exit(main(Worker, sys.argv[1]))
