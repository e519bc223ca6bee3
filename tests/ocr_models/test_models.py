"""The list of models: the project's own, and those of installed packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ocr_models import MODELS, ConvergenceGoal, ImageSizes, Model
from suite import ROOT

OTHER_PACKAGE = """
from ocr_models import ConvergenceGoal, Model

GOAL = ConvergenceGoal(steps=9, target=0.5, metric="hmean", synthetic_data="other_package:make_small")
GOOD = Model(
    "Other",
    "other_package:training_task",
    synthetic_data="other_package:make",
    image_sizes=None,
    convergence=GOAL,
)
NO_MODEL = {"title": "Other"}


def training_task(*, image_size, seed, device):
    return "a task"


def make():
    from pathlib import Path

    return Path("/data/other")


def make_small():
    from pathlib import Path

    return Path("/data/small")
"""
OWN_MODELS = ("psenet", "psenetr18", "dbr50", "dbr18", "crnn", "crnnvgg", "crnnvgg128", "parseq", "parseqtiny")
ENTRY_POINTS = """
[ocr_models]
other = other_package:GOOD
absent = other_package:ABSENT
broken = broken_package:MODEL
no_model = other_package:NO_MODEL
psenet = other_package:GOOD
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of installed packages, one with entry points."""
    (tmp_path / "other_package.py").write_text(OTHER_PACKAGE)
    (tmp_path / "broken_package.py").write_text("raise RuntimeError('two\\nlines')\n")
    information = tmp_path / "other_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(installed)))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=installed, capture_output=True, text=True, check=False)


def evaluated(installed: Path, expression: str) -> Any:
    done = run(installed, "-c", f"import json, sys, ocr_models\nprint(json.dumps({expression}))")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_installed_package_adds_its_model(installed: Path) -> None:
    assert evaluated(installed, "[*ocr_models.MODELS]") == ["other", *OWN_MODELS]
    assert evaluated(installed, "ocr_models.MODELS['other'].title") == "Other"
    built = "ocr_models.MODELS['other'].load_task_builder()(image_size=None, seed=0, device=None)"
    assert evaluated(installed, built) == "a task"


def test_the_projects_own_models_cannot_be_replaced(installed: Path) -> None:
    assert evaluated(installed, "ocr_models.MODELS['psenet'].title") == "PSENet"


def test_models_that_cannot_be_loaded_are_reported_and_harm_no_other(installed: Path) -> None:
    assert evaluated(installed, "ocr_models.BROKEN_MODELS") == {
        "absent": "other_package:ABSENT cannot be loaded: AttributeError: "
        "module 'other_package' has no attribute 'ABSENT'",
        "broken": "broken_package:MODEL cannot be loaded: RuntimeError: two lines",
        "no_model": "other_package:NO_MODEL is dict, not ocr_models.Model",
    }


def test_the_list_of_models_imports_no_torch(installed: Path) -> None:
    assert evaluated(installed, "[m for m in ('torch', 'numpy', 'cv2') if m in sys.modules]") == []


# the synthetic set of a model


def test_the_command_prints_the_folder_of_the_models_synthetic_set(installed: Path) -> None:
    done = run(installed, "-m", "ocr_models.synthetic_data", "other")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/data/other\n", "")


def test_a_goal_may_have_a_synthetic_set_of_its_own(installed: Path) -> None:
    done = run(installed, "-m", "ocr_models.synthetic_data", "other", "--convergence")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/data/small\n", "")


def test_the_command_reports_in_one_line_why_a_set_cannot_be_made(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(installed / "file"))
    done = run(installed, "-m", "ocr_models.synthetic_data", "psenet")
    assert done.returncode == 1
    assert "the synthetic set cannot be written" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [["psenetr81"], []])
def test_an_unknown_model_is_wrong_use(installed: Path, arguments: list[str]) -> None:
    done = run(installed, "-m", "ocr_models.synthetic_data", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "MODEL" in done.stderr


def test_making_a_synthetic_set_imports_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = (
        "import sys; from ocr_models.detection.synthetic import synthetic_set\n"
        "synthetic_set(images=1, test_images=1); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


# image sizes and goals


@pytest.mark.parametrize(
    ("side", "accepted"),
    [(64, True), (32, False), (8192, True), (8224, False), (320, True), (330, False), (-64, False)],
)
def test_image_sizes_are_multiples_within_bounds(side: int, accepted: bool) -> None:
    assert ImageSizes().accepts(side) is accepted


def test_the_rule_for_image_sizes_is_stated() -> None:
    assert ImageSizes().rule == "a multiple of 32 pixels from 64 to 8192"
    assert ImageSizes(cuda=320, multiple=8, least=16, most=640).rule == "a multiple of 8 pixels from 16 to 640"


@pytest.mark.parametrize(("least", "smallest"), [(1, 32), (64, 64), (65, 96)])
def test_the_smallest_side_is_the_first_that_is_accepted(least: int, smallest: int) -> None:
    sizes = ImageSizes(least=least)
    assert sizes.smallest == smallest == next(side for side in range(1, 999) if sizes.accepts(side))


def test_the_default_sizes_of_every_model_are_accepted() -> None:
    for model in MODELS.values():
        if (sizes := model.image_sizes) is not None:
            assert all(sizes.accepts(side) for side in (sizes.cpu, sizes.cuda, sizes.reference))
            goal = model.convergence
            assert goal is None or goal.image_size is None or sizes.accepts(goal.image_size)


@pytest.mark.parametrize("target", [0, -0.1, 1.1, float("nan")])
def test_a_goal_has_a_target_above_0_and_at_most_1(target: float) -> None:
    with pytest.raises(ValueError, match=r"target must be above 0 and at most 1, not"):
        ConvergenceGoal(steps=10, target=target, metric="hmean")
    assert ConvergenceGoal(steps=10, target=1, metric="hmean").evaluations == 10


@pytest.mark.parametrize(("steps", "evaluations"), [(0, 10), (10, 0), (-1, 1)])
def test_a_goal_has_steps_and_evaluations(steps: int, evaluations: int) -> None:
    with pytest.raises(ValueError, match="steps and evaluations must be positive"):
        ConvergenceGoal(steps=steps, target=0.7, metric="hmean", evaluations=evaluations)


def test_a_default_size_that_the_rule_refuses_is_an_error() -> None:
    with pytest.raises(ValueError, match="image size cuda=736 is not a multiple of 32 pixels from 64 to 640"):
        ImageSizes(most=640)


@pytest.mark.parametrize("title", ["", "DB-Net", "two words"])
def test_a_title_consists_of_letters_and_digits(title: str) -> None:
    with pytest.raises(ValueError, match="must consist of letters and digits"):
        Model(title, "module:function")
