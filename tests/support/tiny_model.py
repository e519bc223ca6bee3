"""The tests' small models: a package of its own, which `PYTHONPATH=tests/support` installs with its entry points.

Their cases take the path of a real case, through pytest, agent and ranks, in a few seconds. Their code is in
tiny_task.py and tiny_show.py, so that this module, which the entry points name, imports no torch.
"""

from __future__ import annotations

from ocr_models import ConvergenceGoal, ImageSizes, Model

MODEL = Model(
    "Tiny",
    "tiny_task:training_task",
    convergence=ConvergenceGoal(steps=20, image_size=64, target=0.70, metric="hmean"),
    show="tiny_show:show",
)
PLAIN = Model(
    "TinyPlain",
    "tiny_task:plain_training_task",
    image_sizes=ImageSizes(cpu=72, cuda=640, multiple=8, least=16, most=640),
)
"""Has no convergence goal, no reference figures and nothing to show, and its own rule for image sizes."""
FIXED = Model("TinyFixed", "tiny_task:fixed_training_task", image_sizes=None)
"""Has a fixed input size, no reference at all, and outputs that are a tree of tensors."""
