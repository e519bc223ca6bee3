"""OCR models, their data and their training tasks; usable without the benchmarks.

`MODELS` lists what can be trained. Importing this package imports no torch: the code of a model is loaded when its
training task is built. An installed package adds models through the entry-point group `ocr_models`; each entry point
names an object of type `Model` (docs/adding-a-model.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ocr_models.picture import Show
    from ocr_models.task import TaskBuilder

ENTRY_POINT_GROUP = "ocr_models"
NAME_PATTERN = "[a-z0-9]+"


@dataclass(frozen=True)
class ImageSizes:
    """The sides of a square training image, in pixels, that a model accepts.

    Attributes:
        cpu, cuda: defaults on a CPU and on a GPU.
        reference: side used by the reference check.
        multiple: every side is a multiple of this.
        least, most: bounds, inclusive.

    Raises:
        ValueError: if a default is not accepted.
    """

    cpu: int = 320
    cuda: int = 736
    reference: int = 128
    multiple: int = 32
    least: int = 64
    most: int = 8192

    def __post_init__(self) -> None:
        for name in ("cpu", "cuda", "reference"):
            if not self.accepts(getattr(self, name)):
                raise ValueError(f"image size {name}={getattr(self, name)} is not {self.rule}")

    def accepts(self, side: int) -> bool:
        return self.least <= side <= self.most and side % self.multiple == 0

    @property
    def smallest(self) -> int:
        """The smallest side that is accepted."""
        return -(-self.least // self.multiple) * self.multiple

    @property
    def rule(self) -> str:
        """For messages: "a multiple of 32 pixels from 64 to 8192"."""
        return f"a multiple of {self.multiple} pixels from {self.least} to {self.most}"


@dataclass(frozen=True)
class ConvergenceGoal:
    """How a model's training is shown to converge.

    Attributes:
        steps: training steps from random weights.
        image_size: side of the training image in pixels; None if the model has a fixed input size.
        target: score on the held-out split that the trained model must reach, above 0 and at most 1.
        metric: name of that score among the figures of the task's evaluation.
        evaluations: number of evaluations, evenly spread over the steps; the last one follows the last step.
        synthetic_data: "module:function", without arguments: makes the synthetic data set of the convergence case;
            None for that of the model.
        by_heart: whether the training must learn its own samples by heart: they are not augmented, and they are what is
            scored. That shows that the training works, not what the model makes of other samples.

    Raises:
        ValueError: if a value is out of range.
    """

    steps: int
    target: float
    metric: str
    image_size: int | None = None
    evaluations: int = 10
    synthetic_data: str | None = None
    by_heart: bool = False

    @property
    def scored_split(self) -> Literal["test", "train"]:
        """The split whose samples are scored."""
        return "train" if self.by_heart else "test"

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise ValueError(f"target must be above 0 and at most 1, not {self.target}")
        if self.steps < 1 or self.evaluations < 1:
            raise ValueError("steps and evaluations must be positive")


@dataclass(frozen=True)
class Model:
    """A model that can be trained.

    Attributes:
        title: its name in artifacts.
        task: "module:function" that builds its training task, a `TaskBuilder`.
        data: what its samples are, annotated pages or words: which option of the benchmarks names their folder.
        synthetic_data: "module:function", without arguments: makes its synthetic data set once and returns the folder.
        image_sizes: accepted training image sizes; None if the model has a fixed input size.
        convergence: how its training is shown to converge; None if no goal was set yet.
        reference_figures: the figures of its task's reference (`ocr_models.task.Reference`), for programs that import
            no torch: the gate then requires this check, with these figures. None leaves it to the task.
        show: "module:function" that makes the picture of its predictions, an `ocr_models.picture.Show`; None if it has
            nothing to show.

    Raises:
        ValueError: if the title has other characters than letters and digits.
    """

    title: str
    task: str
    data: Literal["pages", "words"] = "pages"
    synthetic_data: str = "ocr_models.detection.synthetic:synthetic_set"
    image_sizes: ImageSizes | None = field(default_factory=ImageSizes)
    convergence: ConvergenceGoal | None = None
    reference_figures: Mapping[str, float] | None = field(default=None, hash=False)
    show: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Za-z0-9]+", self.title):
            raise ValueError(f"title {self.title!r} must consist of letters and digits: it is part of file names")

    def load_task_builder(self) -> TaskBuilder:
        """Import the model's code. Imports torch."""
        builder: TaskBuilder = _load(self.task)
        return builder

    def make_synthetic_data(self, *, convergence: bool = False) -> Path:
        """The folder of the model's synthetic data set, or of that of its convergence case, made on first use."""
        own = self.convergence.synthetic_data if convergence and self.convergence is not None else None
        make: Callable[[], Path] = _load(own or self.synthetic_data)
        return make()

    def load_show(self) -> Show | None:
        """Import the function that makes the picture of the model's predictions. Imports torch."""
        show: Show | None = None if self.show is None else _load(self.show)
        return show


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


BROKEN_MODELS: dict[str, str] = {}
"""Entry points that could not be loaded: name -> reason, one line. They harm no other model."""


def _installed_models() -> dict[str, Model]:
    found = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            model = entry_point.load()
        except Exception as error:  # the code of another package may fail in any way
            reason = " ".join(str(error).split())
            BROKEN_MODELS[entry_point.name] = f"{entry_point.value} cannot be loaded: {type(error).__name__}: {reason}"
            continue
        if not isinstance(model, Model):
            BROKEN_MODELS[entry_point.name] = f"{entry_point.value} is {type(model).__name__}, not ocr_models.Model"
        elif not re.fullmatch(NAME_PATTERN, entry_point.name):
            BROKEN_MODELS[entry_point.name] = (
                "the name must consist of lower-case letters and digits: it is part of cases"
            )
        else:
            found[entry_point.name] = model
    return found


class _OfWords(TypedDict):
    data: Literal["words"]
    synthetic_data: str
    image_sizes: None


_OF_WORDS: _OfWords = {
    "data": "words",
    "synthetic_data": "ocr_models.recognition.synthetic_words:synthetic_words",
    "image_sizes": None,
}
"""What the recognisers' records have in common."""

MODELS: dict[str, Model] = _installed_models() | {
    "psenet": Model(
        "PSENet",
        "ocr_models.psenet.task:training_task",
        convergence=ConvergenceGoal(steps=2000, image_size=736, target=0.70, metric="hmean"),
        reference_figures={
            "loss": 0.48751613841960917,
            "loss_text": 0.3774506897551264,
            "loss_kernels": 0.11006544866448278,
            "gradient_norm": 2.9941676469069565,
            "parameters": 192,
            "targets": 2.6665545229569227,
        },
        show="ocr_models.psenet.panels:show",
    ),
    "psenetr18": Model(
        "PSENetR18",
        "ocr_models.psenet.task:r18_training_task",
        convergence=ConvergenceGoal(steps=160, image_size=320, target=0.70, metric="hmean"),
        reference_figures={
            "loss": 0.4801957503178355,
            "loss_text": 0.36384655901740004,
            "loss_kernels": 0.11634919130043546,
            "gradient_norm": 2.242083503779872,
            "parameters": 96,
            "targets": 2.6665545229569227,
        },
        show="ocr_models.psenet.panels:show",
    ),
    "dbr50": Model(
        "DBR50",
        "ocr_models.db.task:r50_training_task",
        image_sizes=ImageSizes(cpu=320, cuda=640),
        convergence=ConvergenceGoal(steps=2000, image_size=640, target=0.70, metric="hmean"),
        reference_figures={
            "loss": 3.111048835075012,
            "loss_probability": 0.8722925939540959,
            "loss_threshold": 0.13245728914168498,
            "loss_binary": 0.9141833497040667,
            "gradient_norm": 2.359362760001865,
            "parameters": 210,
            "targets": 3.105396598125868,
        },
        show="ocr_models.db.panels:show",
    ),
    "dbr18": Model(
        "DBR18",
        "ocr_models.db.task:r18_training_task",
        image_sizes=ImageSizes(cpu=320, cuda=640),
        convergence=ConvergenceGoal(steps=300, image_size=320, target=0.70, metric="hmean"),
        reference_figures={
            "loss": 3.0652790810966417,
            "loss_probability": 0.8541710716027562,
            "loss_threshold": 0.1293502655037801,
            "loss_binary": 0.9176053544560844,
            "gradient_norm": 1.9130105276155427,
            "parameters": 111,
            "targets": 3.105396598125868,
        },
        show="ocr_models.db.panels:show",
    ),
    "crnn": Model(
        "CRNN",
        "ocr_models.crnn.task:training_task",
        **_OF_WORDS,
        convergence=ConvergenceGoal(steps=3000, target=0.80, metric="word_accuracy"),
        reference_figures={
            "loss": 22.82393588705688,
            "gradient_norm": 32.80862267403831,
            "parameters": 118,
            "targets": 43.29310175268324,
        },
        show="ocr_models.crnn.panels:show",
    ),
    "crnnvgg": Model(
        "CRNNVGG",
        "ocr_models.crnn.task:vgg_training_task",
        **_OF_WORDS,
        convergence=ConvergenceGoal(steps=3000, target=0.80, metric="word_accuracy"),
        reference_figures={
            "loss": 20.80724547530958,
            "gradient_norm": 29.502171589146855,
            "parameters": 38,
            "targets": 43.29310175268324,
        },
        show="ocr_models.crnn.panels:show",
    ),
    "crnnvgg128": Model(
        "CRNNVGG128",
        "ocr_models.crnn.task:vgg128_training_task",
        **_OF_WORDS,
        convergence=ConvergenceGoal(steps=1200, target=0.75, metric="word_accuracy", evaluations=6),
        reference_figures={
            "loss": 21.519710741329238,
            "gradient_norm": 20.156101143485017,
            "parameters": 38,
            "targets": 43.29310175268324,
        },
        show="ocr_models.crnn.panels:show",
    ),
    "parseq": Model(
        "PARSeq",
        "ocr_models.parseq.task:training_task",
        **_OF_WORDS,
        convergence=ConvergenceGoal(
            steps=6000,
            target=0.80,
            metric="word_accuracy",
            synthetic_data="ocr_models.recognition.synthetic_words:many_synthetic_words",
        ),
        reference_figures={
            "loss": 9.5576421392396,
            "gradient_norm": 54.228080277120384,
            "parameters": 175,
            "targets": 170.60648015906276,
        },
        show="ocr_models.parseq.panels:show",
    ),
    "parseqtiny": Model(
        "PARSeqTiny",
        "ocr_models.parseq.task:tiny_training_task",
        **_OF_WORDS,
        convergence=ConvergenceGoal(
            steps=600,
            target=0.95,
            metric="word_accuracy",
            evaluations=4,
            synthetic_data="ocr_models.recognition.synthetic_words:few_synthetic_words",
            by_heart=True,
        ),
        reference_figures={
            "loss": 11.915871857242808,
            "gradient_norm": 35.18330526467107,
            "parameters": 175,
            "targets": 170.60648015906276,
        },
        show="ocr_models.parseq.panels:show",
    ),
}
"""Name in a case -> model. The project's own models cannot be replaced by an entry point of the same name."""
