"""What a rank was really trained on in its measured steps, and what these steps changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils._pytree import tree_leaves

from benchmarks.harness.protocol.training import MAX_KEYS, ModelInput, TrainingReport, positions_sha256
from benchmarks.harness.worker.precision import check_precision
from benchmarks.harness.worker.probes.compiled import CompileWatch
from benchmarks.harness.worker.probes.memory import MemoryWatch
from benchmarks.harness.worker.probes.parameters import ParameterWatch
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import InputForm, SeenSteps, Trainer, input_form
from ocr_models.task import ComparableImages, DataSet, TrainingDataset

COMPARED_IMAGES = 4
NO_INPUT: InputForm = ((), "none")


class TrainingWatch:
    """Observes the measured steps of a trainer. To be made right before them: its work is untimed.

    Attributes:
        memory: its largest use in these steps.
    """

    def __init__(self, set_up: SetUp, trainer: Trainer, steps_before: int) -> None:
        """`steps_before` is the number of steps of the training before the measured ones."""
        self._set_up, self._trainer, self._steps_before = set_up, trainer, steps_before
        self._parameters = ParameterWatch(trainer)
        self._compilations = CompileWatch() if trainer.case.compile else None
        trainer.seen = SeenSteps()
        self.memory = MemoryWatch(set_up.device)

    def inputs(self, samples: int | None = None) -> Any:
        """What the network got in the last measured step, a tree of tensors, computed again; of the first samples."""
        return self._trainer.inputs(tuple(tensor[:samples] for tensor in self._trainer.seen.batch))

    def report(self, steps: int) -> TrainingReport:
        """To be called after `steps` measured steps.

        Raises:
            PrecisionError: if anything in the steps has changed torch's arithmetic.
        """
        set_up, trainer, seen = self._set_up, self._trainer, self._trainer.seen
        check_precision(trainer.case)
        change = self._parameters.change(steps)
        seen.gradients = []
        if trainer.case.compile:
            seen.inputs.add(input_form(self.inputs()))
        keys = seen.keys[:MAX_KEYS]
        return TrainingReport(
            steps_before=self._steps_before,
            samples=len(seen.keys),
            epoch_length=len(set_up.dataset),
            indices=[index for index, _ in keys],
            positions=[position for _, position in keys],
            positions_sha256=positions_sha256(position for _, position in seen.keys),
            same_content=same_content(set_up.dataset, set_up.data, keys),
            input=model_input(seen.inputs, set_up.task.input_shape),
            parameters=change,
            compile=self._compilations.report(trainer, seen.batch) if self._compilations else None,
        )


def model_input(forms: set[InputForm], declared: tuple[int, ...]) -> ModelInput:
    """What the network got. `declared` is the shape of one sample that the task declares."""
    shape, dtype = min(forms, key=lambda form: (form[0][1:] == declared, form), default=NO_INPUT)
    return ModelInput(list(shape), dtype, len(forms), list(declared))


def same_content(dataset: TrainingDataset, data: DataSet, keys: Sequence[tuple[int, int]]) -> bool:
    """Whether the data set makes the same sample from different images, as if it ignored what it is asked for.

    Compares the samples of up to `COMPARED_IMAGES` images. Samples may be equal because the images are: copies of one
    file are a legitimate data set, and so is a set of one sample. Without a way to compare images, nothing is said.
    """
    by_index = {index: (index, position) for index, position in reversed(keys)}
    chosen = list(islice(by_index.values(), COMPARED_IMAGES))
    if len(chosen) < 2 or not isinstance(data, ComparableImages) or len(dataset) != len(data):
        return False
    first, *others = chosen
    expected = tree_leaves(dataset[first])
    if not all(_equal(expected, tree_leaves(dataset[other])) for other in others):
        return False
    return not all(data.same_image(first[0], other[0]) for other in others)


def _equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(np.array_equal(_array(a), _array(b)) for a, b in zip(one, other, strict=True))


def _array(value: Any) -> Any:
    return value.detach().float().numpy() if isinstance(value, Tensor) else value
