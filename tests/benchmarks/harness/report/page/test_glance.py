"""The first screen of the page, and the words that its end explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.report.page.case_sections import repeat_command, run_section
from benchmarks.harness.report.page.contents import contents
from benchmarks.harness.report.page.folder import read_folder
from benchmarks.harness.report.page.glance import Glance
from benchmarks.harness.report.page.render import render
from benchmarks.harness.report.page.terms import terms
from benchmarks.harness.results import profile
from benchmarks.harness.results.measurements import MEASUREMENTS
from memory_runs import memory_artifact, memory_report, memory_run
from page_folder import put
from profiles import profiled_run
from samples import CONVERGENCE_CASE, KILLED, converged_run, convergence_artifact, speed_artifact

GPU = "psenet_sp_bs8_bf16_1"
CASES = ("psenet_sp_bs2_fp32_cpu1", "psenet_sp_bs8_fp32_1", "psenet_sp_bs8_bf16_1")
REASON = "other programs used 1 of 2 cores"
DISTURBED = {"details.machine.verdict": "disturbed", "details.machine.reasons": [REASON]}


def first_screen(output: Path) -> Glance:
    return contents(read_folder(output)).glance


def of_roofline(fraction: float) -> dict[str, object]:
    return {"details.roofline.fraction": fraction, "details.roofline.bound_by": "memory"}


def test_a_case_that_was_measured_in_two_ways_is_two_measurements_of_one_case(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact(GPU))
    put(tmp_path, "memory", memory_artifact(memory_run(GPU, memory_report(on_gpu=True, samples=8))))
    found = first_screen(tmp_path)
    assert found.verdict == "All 2 measurements passed"
    assert dict(found.facts)["Cases"] == "1"
    assert [(each.label, each.value, each.remark) for each in found.figures] == [
        ("Passed", "2", "of 2 measurements"),
        ("Failed", "0", ""),
        ("Disturbed", "0", "of 1 whose machine was observed"),
    ]


def test_where_no_machine_was_observed_nothing_is_said_about_it(tmp_path: Path) -> None:
    put(tmp_path, "memory", memory_artifact(memory_run(GPU, memory_report(on_gpu=True, samples=8))))
    assert [each.label for each in first_screen(tmp_path).figures] == ["Passed", "Failed"]


def test_a_disturbed_case_is_named_with_the_reason_and_is_not_the_furthest_from_its_limit(tmp_path: Path) -> None:
    slowest, middle, disturbed = CASES
    put(tmp_path, "speed", speed_artifact(slowest), {"FINAL_RESULT": 0.25} | of_roofline(0.9))
    put(tmp_path, "speed", speed_artifact(middle), of_roofline(0.5))
    put(tmp_path, "speed", speed_artifact(disturbed), DISTURBED | of_roofline(0.01))
    remarks = [(case.text, text) for case, text in first_screen(tmp_path).remarks]
    assert dict(remarks)[slowest].startswith("is the slowest: 0.250 samples/s, bound by memory, at 90.0 %")
    assert (disturbed, f"was disturbed: {REASON}. Repeat it.") in remarks
    assert (middle, "is furthest from its limit: 50.0 % of it, of the cases that were not disturbed.") in remarks


def test_a_step_far_from_its_limits_is_not_said_to_be_bound_by_them(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact(CASES[0]), of_roofline(0.012))
    page = contents(read_folder(tmp_path))
    row = dict(zip(page.groups[0].table.headings, page.groups[0].table.rows[0], strict=True))
    assert getattr(row["bound by"], "text", "") == "nothing known"
    notes = [note.text for section in page.groups[0].cases[0].sections for note in section.notes]
    assert "Bound by nothing known: the step reaches 1.2 % of the roofline." in notes


def test_limits_of_a_disturbed_case_are_said_to_be_doubtful(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact(CASES[0]), DISTURBED)
    page = contents(read_folder(tmp_path))
    row = dict(zip(page.groups[0].table.headings, page.groups[0].table.rows[0], strict=True))
    assert getattr(row["of the limit"], "tone", "") == "warning"
    (section,) = [each for each in page.groups[0].cases[0].sections if each.heading == "What bounds it"]
    assert [note.text for note in section.notes][
        -1
    ] == "What disturbed the steps may have slowed down these limits, too."
    assert [figure.value for figure in section.figures] == ["100.0 GFLOP/s", section.figures[1].value]


def test_a_training_that_learned_is_on_the_first_screen(tmp_path: Path) -> None:
    put(tmp_path, "convergence", convergence_artifact(converged_run(tmp_path, CONVERGENCE_CASE)))
    assert [(case.text, text) for case, text in first_screen(tmp_path).remarks] == [
        (CONVERGENCE_CASE, "learned: hmean 0.750, target 0.700.")
    ]


def test_a_column_that_no_case_has_is_left_out(tmp_path: Path) -> None:
    for case, artifact in ((GPU, "on the GPU"), ("psenet_sp_bs2_fp32_cpu1", "on the CPU")):
        folder = tmp_path / artifact
        put(folder, "profile", profile.build(profiled_run(case), folder / "train_log" / "x", folder))
        headings = contents(read_folder(folder)).groups[0].table.headings
        assert ("launches per step" in headings) == (case == GPU)
        assert "busy" in headings
    put(tmp_path / "failed", "speed", speed_artifact(failure=KILLED))
    assert "samples/s" in contents(read_folder(tmp_path / "failed")).groups[0].table.headings


def test_all_models_of_a_session_are_named(tmp_path: Path) -> None:
    batches = {"psenet": 2, "psenetr18": 4, "dbr18": 2, "crnnvgg": 32, "parseqtiny": 16}
    for model, batch in batches.items():
        put(tmp_path, "speed", speed_artifact(f"{model}_sp_bs{batch}_fp32_cpu1"))
    models = dict(first_screen(tmp_path).facts)["Models"].split(", ")
    assert set(models) == set(batches)


def test_the_command_that_repeats_a_timeout_asks_for_another_limit(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact(failure=Failure("timeout", "not done after 14 s (--ocr-timeout)", 0)))
    (case,) = read_folder(tmp_path).cases
    assert repeat_command(case).endswith(" --ocr-timeout SECONDS")
    rows = {str(name): str(text) for name, text in run_section(case).tables[0].rows}
    assert re.fullmatch(r"\d+ of 12", rows["steps done"])
    assert rows["train log"] == f"train_log/{case.train_log.name}"  # whatever folder the session wrote to
    assert "launch to end" in rows


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_only_words_of_the_measurements_that_are_shown_are_explained(measurement: str) -> None:
    names = [name for name, _ in terms({measurement})]
    assert names[:2] == ["Name of a case", "samples/s"]
    assert ("limit, roofline" in names) == (measurement == "speed")
    assert len(names) > 2


def test_the_page_explains_its_words(tmp_path: Path) -> None:
    assert 'id="terms"' not in render(contents(read_folder(tmp_path)))
    put(tmp_path, "speed", speed_artifact())
    html = render(contents(read_folder(tmp_path)))
    assert "<dt>bound by</dt>" in html
    assert 'href="#terms"' in html
