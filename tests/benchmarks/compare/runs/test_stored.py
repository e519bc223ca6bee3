"""Sides that were measured before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.compare.errors import SideError
from benchmarks.compare.runs.figures import failed_run
from benchmarks.compare.runs.stored import StoredSide, stored_runs
from benchmarks.compare.sides.side import StoredSource, Which
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.redaction import redact
from comparisons import MACHINE, NOW, OPTIONS, comparison, side_description, write_comparison, write_run
from samples import SPEED_CASE, changed, document, log_artifact, speed_artifact, without

STEPS = {"details.measured_steps": 10, "details.warmup_steps": 2, "details.seed": 0}


def stored(
    path: Path,
    which: Which = "head",
    *,
    case: str = SPEED_CASE,
    options: Sequence[str] = OPTIONS,
    machine: Mapping[str, str] = MACHINE,
) -> StoredSide:
    return stored_runs(StoredSource(path, which), case=case, options=options, machine=machine)


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes a document as a speed JSON."""

    def write(content: Any) -> Path:
        path = tmp_path / "a_speed"
        path.write_text(json.dumps(content))
        return path

    return write


def test_an_artifact_is_one_run(artifact: Callable[[Any], Path]) -> None:
    content = document(speed_artifact(), {**STEPS, "details.environment.git_commit": "3f2a91c" + "0" * 33})
    found = stored(artifact(content))
    assert [each.samples_per_second for each in found.runs] == [
        content["details"]["samples"] / content["details"]["measured_seconds"]
    ]
    assert found.documents == [content]
    assert found.machine == {"device": "cpu", "cpu": "1", "cores": "2"}
    description = found.description
    assert (description.kind, description.stored_runs, description.commit) == ("stored", 1, "3f2a91c" + "0" * 33)
    assert description.title.startswith("a_speed: commit 3f2a91c, 1 run of 20")
    assert description.given[0].startswith("stored:")
    found.check_run(content)


def test_a_comparison_gives_the_runs_of_one_side(tmp_path: Path) -> None:
    bases = [write_run(tmp_path, f"{number}_base", STEPS) for number in range(3)]
    heads = [write_run(tmp_path, f"{number}_head", STEPS) for number in range(3)]
    path = write_comparison(tmp_path / "a.json", comparison(bases, heads))
    for which, runs, title in (("base", bases, "main (3f2a91c)"), ("head", heads, "working tree (1234567)")):
        found = stored(path, which)  # type: ignore[arg-type]
        assert found.runs == runs
        assert len(found.documents) == 3
        assert found.machine == MACHINE
        description = found.description
        assert (description.kind, description.stored_runs) == ("stored", 3)
        assert description.title.startswith(f"a.json: {title}, 3 runs of ")
        assert description.given == [redact(f"stored:{path}#{which}")]


def test_artifacts_that_are_gone_or_replaced_cost_only_themselves(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, f"{number}_head", STEPS) for number in range(3)]
    path = write_comparison(tmp_path / "a.json", comparison([None] * 3, runs))
    shutil.rmtree(tmp_path / "0_head")
    write_run(tmp_path, "1_head", STEPS)  # of another run
    found = stored(path)
    assert len(found.runs) == 3
    assert [each["details"]["run_id"] for each in found.documents] == [runs[2].run_id]


def test_failed_and_repeated_runs_are_left_out(tmp_path: Path) -> None:
    good = write_run(tmp_path, "1_head", STEPS)
    content = comparison([None, None], [good, failed_run("x", NOW, 1.0, "killed: x")])
    (case,) = content.cases
    repeated = structs.replace(case.pairs[0], counted=False)
    content = structs.replace(content, cases=[structs.replace(case, pairs=[repeated, *case.pairs])])
    assert stored(write_comparison(tmp_path / "a.json", content)).runs == [good]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"details.environment.cpu": "AMD EPYC 7B13"}, "measured on another machine: cpu: AMD EPYC 7B13 there, 1 here"),
        ({"details.environment.cores": 64}, "cores: 64 there, 2 here; measure both sides here"),
        ({"details.case": "psenet_sp_bs4_fp32_cpu1"}, f"measured psenet_sp_bs4_fp32_cpu1, not {SPEED_CASE}"),
        (
            {"details.measured_steps": 20},
            "with --ocr-steps 20, but this comparison has 10: give both sides --ocr-steps 20 (after `--`",
        ),
        ({"details.warmup_steps": 1}, "with --ocr-warmup 1, but this comparison has 2"),
        ({"details.environment.cpu": None}, "does not say on which machine it was measured: it lacks cpu"),
        ({"details.seed": 7}, "with --ocr-seed 7, but this comparison has 0"),
        ({"index": 2}, "index is 2; only speed, 1, can be compared"),
    ],
)
def test_an_artifact_of_something_else_is_refused(
    artifact: Callable[[Any], Path], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SideError) as caught:
        stored(artifact(document(speed_artifact(), {**STEPS, **changes})))
    assert message in str(caught.value)
    assert str(caught.value).startswith("stored:")


def test_more_warm_up_than_asked_for_may_be_needed_by_the_case(artifact: Callable[[Any], Path]) -> None:
    content = document(speed_artifact(), {**STEPS, "details.warmup_steps": 5})
    found = stored(artifact(content))
    found.check_run(content)
    with pytest.raises(SideError, match=r"measured with other settings: warmup_steps: 5 there, 2 here; use the same"):
        found.check_run(changed(content, {"details.warmup_steps": 2}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"details.data.images": 1000}, "other settings: data.images: 100 there, 1000 here"),
        ({"details.environment.cores": None}, "with runs of this machine, whose artifacts lack cores"),
        ({"details.image_cache": "decoded"}, "image_cache: none there, decoded here"),
        ({"details.environment.cpu": "another"}, "measured on another machine: cpu: 1 there, another here"),
    ],
)
def test_the_first_run_of_the_other_side_shows_the_rest(
    artifact: Callable[[Any], Path], changes: dict[str, Any], message: str
) -> None:
    content = document(speed_artifact(), STEPS)
    with pytest.raises(SideError) as caught:
        stored(artifact(content)).check_run(changed(content, changes))
    assert message in str(caught.value)


def test_artifacts_without_figures_are_refused(artifact: Callable[[Any], Path]) -> None:
    with pytest.raises(SideError, match="made from a train log, which knows no machine"):
        stored(artifact(document(log_artifact())))
    with pytest.raises(SideError, match="a failed run has no figures: killed: by hand"):
        stored(artifact(document(speed_artifact(failure=Failure("killed", "by hand")))))
    with pytest.raises(SideError, match="its details name no case and no environment"):
        stored(artifact(without(document(speed_artifact()), "details")))


def test_files_that_are_neither_are_refused(tmp_path: Path, artifact: Callable[[Any], Path]) -> None:
    with pytest.raises(SideError, match="cannot be read: No such file"):
        stored(tmp_path / "none.json")
    with pytest.raises(SideError, match=r"not a speed JSON.*; name a comparison document or a speed JSON"):
        stored(artifact([1, 2]))
    with pytest.raises(SideError, match="not a comparison document of this version: Expected `array`"):
        stored(artifact({"cases": [], "procedure": {}}))
    (tmp_path / "text").write_text("text")
    with pytest.raises(SideError, match="not JSON"):
        stored(tmp_path / "text")


def test_a_comparison_of_something_else_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path, "1_head", STEPS)
    path = write_comparison(tmp_path / "a.json", comparison([None], [run]))
    with pytest.raises(SideError, match=r"a\.json#base: has no good run of psenet_sp_bs2_fp32_cpu1"):
        stored(path, "base")
    with pytest.raises(SideError, match=r"has no runs of psenet_sp_bs4_fp32_cpu1; its cases: psenet_sp_bs2_fp32_cpu1"):
        stored(path, case="psenet_sp_bs4_fp32_cpu1")
    with pytest.raises(SideError, match=r"another machine: cores: 2 there, 4 here; memory: 16 GiB there, 8 GiB here"):
        stored(path, machine=MACHINE | {"memory": "8 GiB", "cores": "4"})
    with pytest.raises(SideError, match=r"measured with the options .*, but this comparison has --ocr-steps 3: give"):
        stored(path, options=["--ocr-steps", "3"])
    again = comparison([None], [run], head=side_description(kind="stored"))
    with pytest.raises(SideError, match="is itself a stored side: name the file that it came from"):
        stored(write_comparison(path, again))


def test_steps_that_the_suite_chooses_are_checked_at_the_first_run(artifact: Callable[[Any], Path]) -> None:
    path = artifact(document(speed_artifact(), STEPS))
    assert stored(path, options=["--ocr-steps", "auto", "--ocr-warmup", "auto"]).runs


def test_a_comparison_that_failed_has_no_runs_to_compare_with(tmp_path: Path) -> None:
    content = comparison([None], [write_run(tmp_path, "1_head", STEPS)])
    (case,) = content.cases
    failed = structs.replace(case.verdict, word="failed", sentence="working tree: changed while it was measured")
    content = structs.replace(content, cases=[structs.replace(case, verdict=failed)])
    with pytest.raises(SideError, match="#head: the comparison failed: working tree: changed while it was measured"):
        stored(write_comparison(tmp_path / "a.json", content))


def test_options_are_the_same_in_any_order_and_form(tmp_path: Path) -> None:
    path = write_comparison(tmp_path / "a.json", comparison([None], [write_run(tmp_path, "1_head", STEPS)]))
    pairs = [OPTIONS[at : at + 2] for at in range(0, len(OPTIONS), 2)]
    assert stored(path, options=[f"{name}={value}" for name, value in reversed(pairs)]).runs
    with pytest.raises(SideError, match="measured with the options"):
        stored(path, options=[*OPTIONS, "--ocr-seed", "5"])


def test_an_artifact_has_no_base(artifact: Callable[[Any], Path]) -> None:
    with pytest.raises(SideError, match=r"a_speed#base: a speed JSON is one run and has no base: leave out #base"):
        stored(artifact(document(speed_artifact(), STEPS)), "base")


def test_other_runs_have_another_fingerprint(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, f"{number}_head", STEPS) for number in range(2)]
    found = {
        stored(write_comparison(tmp_path / "a.json", comparison([None], [run]))).description.fingerprint for run in runs
    }
    assert len(found) == 2
