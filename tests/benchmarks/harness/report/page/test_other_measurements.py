"""What the page shows of memory, profile and largest-batch cases."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from benchmarks.harness.controller.option_values import memory_size
from benchmarks.harness.protocol.largest_batch import memory_limit
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.report.page.case_sections import repeat_command
from benchmarks.harness.report.page.folder import ShownCase, read_folder
from benchmarks.harness.report.page.largest_batch import largest_batch_page
from benchmarks.harness.report.page.memory import memory_page
from benchmarks.harness.report.page.profile import profile_page
from benchmarks.harness.report.page.sections import CasePage, Cell, Table
from benchmarks.harness.results import profile
from memory_runs import memory_artifact, memory_report, memory_run
from page_folder import put
from profiles import profiled_run
from searches import above, artifact_of, searched

GPU, MP = "psenet_sp_bs8_bf16_1", "psenet_mp_bs4_fp32_cpu2"


def shown(output: Path) -> ShownCase:
    folder = read_folder(output)
    assert folder.unreadable == []
    (case,) = folder.cases
    return case


def texts(table: Table) -> list[list[str]]:
    return [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in table.rows]


def legends(page: CasePage) -> list[str]:
    return [name for section in page.sections for chart in section.charts for _, name in chart.legend]


def test_the_shares_of_a_peak_and_the_parts_of_a_step_are_drawn(tmp_path: Path) -> None:
    put(tmp_path, "memory", memory_artifact(memory_run(GPU, memory_report(on_gpu=True, samples=8))))
    page = memory_page(shown(tmp_path))
    (section,) = page.sections
    assert [chart.title for chart in section.charts] == ["The peak", "Peaks of a step's parts (MiB)"]
    assert any(name.startswith("activations") for name in legends(page))
    assert not any(name.startswith("process") for name in legends(page))  # a GPU has no such share
    assert any("memory_viz" in note.text for note in section.notes)
    assert any("come from later steps" in note.text for note in section.notes)
    assert {"Host", "Peak"} <= {figure.label for figure in section.figures}
    assert page.cells["peak (MiB)"].number == pytest.approx(shown(tmp_path).artifact.FINAL_RESULT, abs=1e-3)


def test_a_memory_case_of_several_processes_shows_each_rank_and_where_the_peak_is(tmp_path: Path) -> None:
    put(tmp_path, "memory", memory_artifact(memory_run(MP)))
    section, ranks = memory_page(shown(tmp_path)).sections
    assert [row[0] for row in texts(ranks.tables[0])] == ["0", "1"]
    assert any("backward pass, at head.weight" in note.text for note in section.notes)
    assert any("malloc keeps memory" in note.text for note in section.notes)
    assert {"Peak since the start", "Peak"} <= {figure.label for figure in section.figures}
    assert "Loader processes" in [figure.label for figure in section.figures]


def test_a_profile_shows_kinds_of_work_and_what_takes_longest(tmp_path: Path) -> None:
    put(tmp_path, "profile", profile.build(profiled_run(GPU), tmp_path / "train_log" / "x", tmp_path))
    page = profile_page(shown(tmp_path))
    assert [section.heading for section in page.sections] == ["Profile", "Where the time goes"]
    captions = [table.caption for table in page.sections[1].tables]
    assert captions[:2] == [
        *(
            "Kernels that take most of the time, with the profiler",
            "Operators that take most of the time, with the profiler",
        )
    ]
    busy = page.cells["busy"].number
    assert busy is not None
    assert 100 * busy == pytest.approx(shown(tmp_path).artifact.FINAL_RESULT, abs=1e-3)


def test_each_time_of_a_profile_says_whether_the_profiler_ran(tmp_path: Path) -> None:
    put(tmp_path, "profile", profile.build(profiled_run(GPU), tmp_path / "train_log" / "x", tmp_path))
    result = profile_page(shown(tmp_path)).sections[0]
    remarks = {figure.label: figure.remark for figure in result.figures}
    assert remarks["Step"] == "without the profiler"
    assert remarks["Data wait"].endswith("without the profiler")
    assert all(remarks[label].find("with the profiler") >= 0 for label in ("Busy", "Idle per step"))
    assert result.charts[0].title == "Kinds of work (ms per step with the profiler)"


def test_rates_and_counts_of_operators_are_readable(tmp_path: Path) -> None:
    put(tmp_path, "profile", profile.build(profiled_run(GPU), tmp_path / "train_log" / "x", tmp_path))
    (case,) = read_folder(tmp_path).cases
    document = json.loads(case.path.read_text())
    for each in document["details"]["profile"]["top_operators"]:
        each |= {"tflops": 0.0885, "terabytes_per_second": 0.0004, "count_per_step": 67.0}
    case.path.write_text(json.dumps(document))
    operators = profile_page(shown(tmp_path)).sections[1].tables[1]
    assert list(operators.headings)[-2:] == ["GFLOP/s", "GB/s"]
    assert texts(operators)[0][2] == "67"
    assert texts(operators)[0][-2:] == ["88.50", "0.400"]


def test_the_busy_time_on_the_page_is_the_result_which_is_that_of_all_ranks(tmp_path: Path) -> None:
    artifact = profile.build(profiled_run(GPU), tmp_path / "train_log" / "x", tmp_path)
    put(tmp_path, "profile", artifact, {"FINAL_RESULT": 12.5})
    page = profile_page(shown(tmp_path))
    assert page.cells["busy"].text == "12.5 %"
    assert page.sections[0].figures[0].value == "12.5 %"


def test_a_search_shows_each_try_and_both_courses(tmp_path: Path) -> None:
    put(tmp_path, "largest_batch", artifact_of(searched(above(20))))
    page = largest_batch_page(shown(tmp_path))
    assert page.cells["largest batch per process"].number == 16
    result, tries = page.sections
    assert [chart.title for chart in result.charts] == ["Throughput by batch", "Memory by batch"]
    rows = texts(tries.tables[0])
    assert {row[2] for row in rows} == {"trained", "out of memory"}
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert result.figures[0].remark == "24 runs out of memory"
    (reasons,) = tries.texts
    failed = [row[1] for row in rows if row[2] != "trained"]
    assert [line.partition(":")[0] for line in reasons.lines] == [f"batch {batch}" for batch in failed]


def test_the_command_that_repeats_a_search_has_its_memory_limit(tmp_path: Path) -> None:
    artifact = artifact_of(searched(above(20)))
    failed = artifact_of(searched(above(8, Failure("hang", "no progress"))))
    for each, option in product((artifact, failed), ("1433.5MiB", "1.4GiB", "6GiB", "0.123456GiB")):
        limit = {"details.memory_limit_source": "option", "details.memory_limit_bytes": memory_size(option)}
        put(tmp_path, "largest_batch", each, limit)
        assert repeat_command(shown(tmp_path)).endswith(f" --ocr-memory-limit {option}")


def test_on_the_cpu_the_memory_limit_of_a_search_is_that_of_all_processes(tmp_path: Path) -> None:
    found = artifact_of(searched(above(8), MP))
    limit = {
        "details.memory_limit_source": "option",
        "details.memory_limit_bytes": memory_limit("cpu", memory_size("1.1GiB"), 2).memory_limit_bytes,
    }
    put(tmp_path, "largest_batch", found, limit)
    assert repeat_command(shown(tmp_path)).endswith(" --ocr-memory-limit 1.1GiB")


def test_memory_of_a_sample_on_the_cpu_has_no_parts_of_a_mebibyte(tmp_path: Path) -> None:
    put(tmp_path, "memory", memory_artifact(memory_run(MP)), {"details.bytes_per_sample": 291.3 * 2**20})
    values = {figure.label: figure.value for figure in memory_page(shown(tmp_path)).sections[0].figures}
    assert values["One more sample"] == "about 291 MiB"


def test_a_search_that_ended_early_says_that_a_larger_batch_may_train(tmp_path: Path) -> None:
    put(tmp_path, "largest_batch", artifact_of(searched(above(20), most_tries=1)))
    page = largest_batch_page(shown(tmp_path))
    assert page.cells["largest batch per process"].text == ">= 8"
    result = page.sections[0]
    assert result.figures[0].value == "at least 8 per process"
    assert [note.tone for note in result.notes] == ["warning", "muted"]
    assert "address space" in result.notes[1].text
    assert result.figures[2].remark.endswith("100.0 % of the fastest")
    assert not result.charts  # of one point


def test_a_search_that_failed_still_shows_its_tries(tmp_path: Path) -> None:
    put(tmp_path, "largest_batch", artifact_of(searched(above(8, Failure("hang", "no progress")))))
    case = shown(tmp_path)
    assert case.failure is not None
    page = largest_batch_page(case)
    assert page.cells["largest batch per process"].number is None
    (tries,) = page.sections
    assert "hang" in texts(tries.tables[0])[-1]
