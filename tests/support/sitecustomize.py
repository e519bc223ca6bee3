"""Python imports this at its start where this folder is on PYTHONPATH: the tests' own small model joins MODELS.

Its cases go the whole way of a real one, through pytest, agent and worker processes, in a few seconds; and what it is
told to do wrong through its environment variable, it does in the real worker.
"""

from ocr_models import MODELS, Model

MODELS["tiny"] = Model("Tiny", "tiny_model:training_task")
