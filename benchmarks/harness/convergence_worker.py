"""What runs in each rank of a convergence case: `python -m benchmarks.harness.convergence_worker PLAN`.

It trains from random weights, or on from its checkpoint, and stops now and then for rank 0 to find the texts of the
held-out images, and to save where it stands.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.records import RankResult, StepRecord, loss_curve
from benchmarks.harness.settings import Plan
from benchmarks.harness.worker import Worker, main

CHECKPOINT = "checkpoint.pt"
SPLITS: Any = ("train", "test")
IDENTITY = ("case", "seed", "steps", "image_size", "evaluations")
"""What of a plan must be that of the checkpoint it goes on from, so that the curve is one training's."""


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        step: steps done.
        train_seconds: of this rank, evaluations and checkpoints left out.
        losses: of each step of this rank.
        scores: step, train_seconds, precision, recall and hmean of each evaluation.
        resumed_at: the steps after which it was cut off and went on.
    """

    step: int = 0
    train_seconds: float = 0.0
    losses: list[dict[str, float]] = field(default_factory=list)
    scores: list[dict[str, float]] = field(default_factory=list)
    resumed_at: list[int] = field(default_factory=list)


class ConvergenceWorker(Worker):
    """One rank of a convergence case."""

    def __init__(self, plan: Plan, local_rank: int) -> None:
        super().__init__(plan, local_rank)
        self.folder = Path(plan.keep_folder)
        self.progress = Progress()
        self.identity: dict[str, Any] = {}

    def train(self) -> None:
        """Set up, then train and evaluate in turns; report."""
        from ocr_models.data.icdar2015 import read_annotated_set
        from ocr_models.scoring import ground_truths

        training, held_out = (read_annotated_set(Path(self.plan.data or ""), split).images for split in SPLITS)
        ground_truths(held_out)  # what the protocol cannot score is told before the training
        self.identity = {name: getattr(self.plan, name) for name in IDENTITY} | {"data": digest(training, held_out)}
        checkpoint = self.checkpoint()
        if checkpoint is not None:
            self.progress = Progress(**checkpoint["progress"])
            self.progress.resumed_at.append(self.progress.step)
            for earlier in self.progress.scores:
                self.events.score(earlier)
        progress = self.progress
        self.set_up(scheduled=True)
        batches = self.batches(progress.step)
        if checkpoint is not None:
            self.restore(checkpoint)
        self.position.step = progress.step
        clock = self.clock(self.plan.steps, progress.step)
        for stop in stops(self.plan.steps, self.plan.evaluations, progress.step):
            self.events.phase("training")
            self.barrier()
            clock.begin(warmup=False)
            self.trainer.run(batches, stop - progress.step, clock)
            progress.train_seconds += clock.finish()
            progress.step = stop
            if self.rank == 0:
                self.evaluate(held_out)
                self.save()
            else:
                self.position.stage = "reports"  # nothing to do: who waits for rank 0 is not who hangs
        report = self.report() | {"held_out_images": len(held_out), "convergence": self.told()}
        self.agree(RankResult(self.rank, progress.train_seconds, tuple(self.records), report))

    def take(self, record: StepRecord, learning_rate: float) -> None:
        super().take(record, learning_rate)
        self.progress.losses.append(record.losses)

    def told(self) -> dict[str, Any]:
        progress = self.progress
        curve = loss_curve(list(enumerate(progress.losses, start=1)))
        return {"loss_curve": curve, "scores": progress.scores, "resumed_at": progress.resumed_at}

    def evaluate(self, held_out: Any) -> None:
        from ocr_models.scoring import score

        self.events.phase("evaluation")
        self.position.stage = "evaluation"
        self.folder.mkdir(parents=True, exist_ok=True)
        figures = score(self.task.detect, held_out, self.folder, self.events.alive)
        progress = self.progress
        progress.scores.append({"step": progress.step, "train_seconds": progress.train_seconds, **figures})
        self.events.score(progress.scores[-1])
        shown = " ".join(f"{name}: {value:.6f}" for name, value in figures.items())
        print(f"evaluation after step {progress.step}/{self.plan.steps} {shown}", flush=True)

    def save(self) -> None:
        """Leave all that the training needs to go on as if it had never been cut off."""
        import torch

        from ocr_models.checkpoint import save_checkpoint

        trainer = self.trainer
        assert trainer.schedule is not None
        content = {
            "model": self.case.model,
            "image_size": self.plan.image_size,
            "state_dict": trainer.model.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "schedule": trainer.schedule.state_dict(),
            "scaler": trainer.scaler.state_dict(),
            "random_state": torch.get_rng_state(),
            "progress": asdict(self.progress),
            "identity": self.identity,
        }
        save_checkpoint(self.folder / CHECKPOINT, content)

    def checkpoint(self) -> dict[str, Any] | None:
        """The checkpoint to go on from; None where there is none, or none is asked for."""
        from ocr_models.checkpoint import CheckpointError, load_checkpoint

        path = self.folder / CHECKPOINT
        if not self.plan.resume or not path.exists():
            return None
        checkpoint = load_checkpoint(path)
        own, found = self.identity, checkpoint.get("identity", {})
        differing = [f"{name} {found.get(name)} instead of {own[name]}" for name in own if found.get(name) != own[name]]
        if differing:
            misfits = ", ".join(differing)
            raise CheckpointError(f"{path.name} is of another training: {misfits}; run without --ocr-resume")
        if checkpoint["progress"]["step"] == self.plan.steps:
            raise CheckpointError(f"{path.name} is of a finished training; run without --ocr-resume to train anew")
        return checkpoint

    def restore(self, checkpoint: dict[str, Any]) -> None:
        import torch

        trainer = self.trainer
        assert trainer.schedule is not None
        trainer.model.load_state_dict(checkpoint["state_dict"])
        trainer.optimizer.load_state_dict(checkpoint["optimizer"])
        trainer.schedule.load_state_dict(checkpoint["schedule"])
        trainer.scaler.load_state_dict(checkpoint["scaler"])
        torch.set_rng_state(checkpoint["random_state"])
        if self.rank == 0:
            print(f"going on after step {self.progress.step}/{self.plan.steps}", flush=True)


def digest(*splits: Any) -> str:
    """Of the names and annotations of images, wherever they lie."""
    told = hashlib.sha256()
    for image in (image for images in splits for image in images):
        told.update(image.path.name.encode())
        for polygon, text in zip(image.polygons, image.transcriptions, strict=True):
            told.update(polygon.tobytes() + text.encode())
    return told.hexdigest()[:16]


def stops(steps: int, evaluations: int, done: int = 0) -> list[int]:
    """The steps, after `done`, behind which to evaluate: evenly spread, the last one among them."""
    every = [steps * number // evaluations for number in range(1, evaluations + 1)]
    return sorted({stop for stop in every if stop > done})


if __name__ == "__main__":
    sys.exit(main(ConvergenceWorker, sys.argv[1]))
