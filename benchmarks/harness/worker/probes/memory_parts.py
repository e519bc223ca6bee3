"""Of what the memory of a step consists: readings at the borders of its parts, sizes of its tensors, its peak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from benchmarks.harness.protocol.memory_report import MemoryReading, PeakMoment, StepMemory, StepPart, TensorBytes
from benchmarks.harness.protocol.stages import PROBES, Position
from benchmarks.harness.worker.probes.memory_gauge import MemoryGauge
from benchmarks.harness.worker.probes.tensor_bytes import Storages, tensor_bytes
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.errors import shown
from ocr_models.task import Batch, TrainingTask

LONGEST_PLACE = 200
NOT_GLIBC = "what malloc has given out is not known: it is not glibc's, or one before 2.33"
PARTS: tuple[StepPart, ...] = ("forward", "backward", "optimizer")


class Borders(Position):
    """The position of a step that calls `begins` with each part of it that begins."""

    def __init__(self, begins: Callable[[str], None]) -> None:
        self._begins: Callable[[str], None] = lambda _: None
        super().__init__(stage=PROBES)
        self._begins = begins

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "stage":
            self._begins(str(value))


@contextmanager
def borders(trainer: Trainer, begins: Callable[[str], None]) -> Iterator[None]:
    """In the block the trainer calls `begins` with each part of a step that begins."""
    before = trainer.position
    trainer.position = Borders(begins)
    try:
        yield
    finally:
        trainer.position = before


def step_memory(
    task: TrainingTask, trainer: Trainer, batch: Batch, gauge: MemoryGauge, set_up: MemoryReading
) -> tuple[StepMemory, TensorBytes]:
    """Take a step, read the memory at the end of each part and reset its peak there. `set_up` was read before all
    steps. The batch is on the device.
    """
    readings: list[MemoryReading] = []
    sizes: list[TensorBytes] = []

    def begins(part: str) -> None:
        if part == "optimizer":
            sizes.append(tensor_bytes(task, trainer, batch))
        readings.append(gauge.read())
        gauge.restart()

    gauge.release()
    gauge.restart()
    with borders(trainer, begins):
        trainer.step(batch)
    begins("end")
    before, forward, backward, optimizer = readings
    return StepMemory(set_up, before, forward, backward, optimizer), sizes[0]


@dataclass(frozen=True)
class Moment:
    """An observation within a step. `peak` is the largest use until then, since the start of the step."""

    part: StepPart
    place: str
    allocated: int
    peak: int
    gradients: int


class MomentLog:
    """Observes the memory of a step wherever it can: at the borders of its parts and, unless it is compiled, after each
    layer and each gradient.
    """

    def __init__(self, trainer: Trainer, gauge: MemoryGauge) -> None:
        self.moments: list[Moment] = []
        self._gauge = gauge
        self._part: StepPart = "forward"
        self._storages = Storages(trainer.device)
        self._gradients = self._most = 0

    def begins(self, part: str) -> None:
        """A part of the step begins: what is observed belongs to the one before."""
        self.observe(f"start of {part}")
        self._part = next(each for each in PARTS if each == part)

    def ends(self) -> None:
        """The step has ended, and its gradients are freed."""
        self._gradients = 0
        self.observe("end of the step")

    def layer(self, name: str) -> Callable[..., None]:
        """Forward hook of a layer."""
        return lambda *_: self.observe(name)

    def gradient(self, name: str) -> Callable[[Tensor], None]:
        """Hook of a parameter, called when its gradient is there."""

        def arrived(parameter: Tensor) -> None:
            self._gradients += self._storages.add([parameter.grad])
            self.observe(name)

        return arrived

    def observe(self, place: str) -> None:
        found = self._gauge.allocated_and_peak()
        if found is not None:
            self._most = max(self._most, *found)
            self.moments.append(Moment(self._part, place, found[0], self._most, self._gradients))


def observed_moments(task: TrainingTask, trainer: Trainer, batch: Batch, gauge: MemoryGauge) -> list[Moment]:
    """Take a step and return all moments that were observed. The batch is on the device."""
    log = MomentLog(trainer, gauge)
    gauge.release()
    gauge.restart()
    with ExitStack() as hooks, borders(trainer, log.begins):
        if not trainer.case.compile:  # a hook would become part of the graph, or compile it anew
            for name, module in layers(task):
                hooks.callback(module.register_forward_hook(log.layer(name)).remove)
            for name, parameter in trainer.parameters.items():
                if parameter.requires_grad:
                    hook = parameter.register_post_accumulate_grad_hook(log.gradient(name))
                    hooks.callback(hook.remove)
        trainer.step(batch)
        log.ends()
    return log.moments


def layers(task: TrainingTask) -> Iterator[tuple[str, nn.Module]]:
    """Name -> module that contains no others, of the whole step."""
    for prefix in ("prepare", "model", "criterion"):
        for name, module in getattr(task, prefix).named_modules(prefix=prefix):
            if next(module.children(), None) is None:
                yield name, module


def peak_moment(moments: list[Moment], all_gradients: int | None) -> PeakMoment | None:
    """The last of the moments at or before the peak; None if nothing was observed.

    `all_gradients`: bytes of gradients whose memory stays allocated between steps, None if it does not.
    """
    if not moments:
        return None
    most = moments[-1].peak
    after = next(index for index, each in enumerate(moments) if each.peak == most)
    at = moments[after] if moments[after].allocated == most else moments[max(0, after - 1)]
    return PeakMoment(
        part=moments[after].part,
        place=shown(at.place, LONGEST_PLACE),
        step_peak_bytes=most,
        allocated_bytes=at.allocated,
        allocated_before_step_bytes=moments[0].allocated,
        gradient_bytes=at.gradients if all_gradients is None else all_gradients,
        new_gradient_bytes=at.gradients if all_gradients is None else 0,
    )
