"""What a person sees while a case runs."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm

from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.run import Run


class NoDisplay:
    """For pipes and CI, where no line may be rewritten."""

    def step(self, record: StepRecord) -> None:
        pass


class TerminalDisplay:
    """Step, samples/s and remaining time in one line, which is erased when the case ends."""

    def __init__(self, run: Run) -> None:
        self._case, self._samples_per_step = str(run.case), run.case.batch_size
        self._bar = tqdm(
            total=run.plan.total_steps,
            desc=f"{self._case}: setting up,",
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc} step {n}/{total} |{bar}| {elapsed} elapsed, {remaining} left",
        )

    def step(self, record: StepRecord) -> None:
        warmup = "warm-up, " if record.warmup else ""
        rate = self._samples_per_step / record.step_seconds
        self._bar.set_description_str(f"{self._case}: {warmup}{rate:.2f} samples/s,", refresh=False)
        self._bar.update(record.index - self._bar.n)  # a resumed training does not begin at 0

    def __enter__(self) -> TerminalDisplay:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()
