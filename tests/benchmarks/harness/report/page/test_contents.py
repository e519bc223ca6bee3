from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.compare.document import FOLDER
from benchmarks.harness.report.page import contents as contents_module
from benchmarks.harness.report.page.contents import Contents, contents
from benchmarks.harness.report.page.folder import read_folder
from benchmarks.harness.report.page.render import render
from benchmarks.harness.report.page.sections import Cell, Section
from benchmarks.harness.report.page.summary import markdown
from compared import case, comparison
from comparisons import write_comparison
from page_folder import put, put_session
from samples import log_artifact, speed_artifact


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    output = tmp_path_factory.mktemp("session")
    put_session(output)
    return contents(read_folder(output))


@pytest.fixture(scope="module")
def html(page: Contents) -> str:
    return render(page)


def texts(row: object) -> list[str]:
    assert isinstance(row, list)
    return [cell.text if isinstance(cell, Cell) else cell for cell in row]


def headings(page: Contents, case: str) -> list[str]:
    (block,) = [block for group in page.groups for block in group.cases if block.name == case]
    return [section.heading for section in block.sections]


def test_the_first_screen_says_how_the_session_ended(page: Contents) -> None:
    assert page.glance.verdict == "2 of 6 cases failed"
    assert [figure.value for figure in page.glance.figures] == ["4", "2", "1"]
    facts = dict(page.glance.facts)
    assert facts["Measurements"] == "speed, convergence"
    assert facts["Models"] == "dbr18, psenet, psenetr18"
    case, why = page.glance.remarks[0]
    assert (case.text, why.split(":")[0]) == ("psenet_sp_bs2_fp32_cpu1", "is the slowest")


def test_the_table_has_a_row_for_each_case(page: Contents) -> None:
    speed, convergence = page.groups
    rows = {row[0]: row[1:] for row in map(texts, speed.table.rows)}
    assert list(speed.table.headings)[:4] == ["case", "status", "samples/s", "of the limit"]
    assert rows["psenet_sp_bs2_fp32_cpu1"][:4] == ["passed", "4.000", "18.0 %", "data"]
    assert [rows[name][0] for name in ("psenet_sp_bs8_bf16_1", "dbr18_sp_bs2_fp32_cpu1")] == [
        "passed, disturbed",
        "failed: killed",
    ]
    assert texts(convergence.table.rows[0])[:5] == ["psenetr18_sp_bs4_fp32_cpu1", "passed", "hmean", "0.750", "0.700"]


def test_failures_have_their_cause_and_the_end_of_their_log(page: Contents) -> None:
    killed, hostile = [section for _, section in page.failures]
    assert killed.notes[0].text == "killed (rank 0): rank 0 was killed by SIGKILL"
    assert [text.title for text in killed.texts] == ["To repeat it"]
    assert killed.texts[0].lines[0].startswith("pytest benchmarks --ocr-case dbr18_sp_bs2_fp32_cpu1 -m speed ")
    assert hostile.texts[1].lines[0] == "first line"
    assert hostile.texts[1].lines[-1] == "last line"


def test_a_case_has_what_its_measurement_shows(page: Contents) -> None:
    common = ["Result", "What bounds it", "Steps", "Machine during the measured steps"]
    assert headings(page, "psenet_sp_bs2_fp32_cpu1") == [*common, "Reference check", "Time", "The run"]
    assert headings(page, "psenet_mp_bs4_fp32_cpu2") == [*common, "Ranks", "Reference check", "Time", "The run"]
    assert headings(page, "dbr18_sp_bs2_fp32_cpu1") == ["What failed", "The run"]
    assert headings(page, "psenetr18_sp_bs4_fp32_cpu1") == [
        *("Result", "Course of the training", "Time to target", "The run")
    ]


def test_the_scaling_is_that_of_the_artifacts(page: Contents) -> None:
    (section,) = [section for section in page.sections if section.heading == "Scaling"]
    assert texts(section.tables[0].rows[0]) == [
        *("psenet_mp_bs4_fp32_cpu2", "psenet_sp_bs2_fp32_cpu1", "2", "8.000", "4.000", "200.0 %")
    ]


def test_a_baseline_that_was_measured_again_is_said(page: Contents, tmp_path: Path) -> None:
    (section,) = [section for section in page.sections if section.heading == "Scaling"]
    assert section.notes == []
    put_session(tmp_path)
    put(tmp_path, "speed", speed_artifact("psenet_sp_bs2_fp32_cpu1"), {"FINAL_RESULT": 3.0})
    (again,) = [each for each in contents(read_folder(tmp_path)).sections if each.heading == "Scaling"]
    assert again.notes[0].text.startswith("psenet_sp_bs2_fp32_cpu1 was measured again later, with 3.000 samples/s.")
    assert texts(again.tables[0].rows[0])[4] == "4.000"


def test_the_command_repeats_the_case(html: str) -> None:
    assert (
        "pytest benchmarks --ocr-case psenet_sp_bs2_fp32_cpu1 -m speed --ocr-steps 10 --ocr-image-size 320 "
        "--ocr-loader-workers 1"
    ) in html


def test_no_text_of_a_file_is_markup(html: str) -> None:
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "<b>_speed" not in html
    assert "<b>" not in html
    assert not set(html) & set("\u2028\u2029\u202e\u200b\x00\x1b")
    assert html.count("<script>") == 1


def test_the_page_loads_nothing_and_allows_only_itself(html: str) -> None:
    assert re.findall(r"(?:src|href)=\"(?!#|data:)", html) == []
    assert "url(" not in html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert " style=" not in html
    assert re.findall(r"<[^>]* on\w+=", html) == []


def test_ids_are_unique_and_links_lead_to_them(html: str) -> None:
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', html)) <= set(ids)


def test_the_markdown_has_the_tables_and_no_markup_of_others(page: Contents) -> None:
    text = markdown(page)
    assert text.startswith("## OCR training benchmarks: 2 of 6 cases failed")
    rows = [line for line in text.splitlines() if line.startswith("| psenet_sp_bs2")]
    assert rows[0].startswith("| psenet_sp_bs2_fp32_cpu1 | passed | 4.000 | 18.0 % | data |")
    assert {line.count("|") for line in text.splitlines() if line.startswith("| ")} == {11}
    assert "\n<script" not in text
    assert "\u202e" not in text
    assert "    last line" in text


def test_a_section_that_fails_is_a_note_and_the_rest_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "speed", speed_artifact(), {"details.ranks.0.measured_seconds": 5e-324, "details.samples": 10**15})
    monkeypatch.setattr(contents_module, "FOLDER_SECTIONS", ("benchmarks.no_such_module:section",))
    page = contents(read_folder(tmp_path))
    assert "ModuleNotFoundError" in page.sections[0].notes[0].text
    assert "4.000" in render(page)


def test_numbers_that_no_run_has_do_not_stop_the_page(tmp_path: Path) -> None:
    path = put(tmp_path, "speed", speed_artifact())
    document = json.loads(path.read_text())

    def extreme(value: object) -> object:
        if isinstance(value, dict):
            return {key: extreme(each) for key, each in value.items()}
        return (
            [extreme(each) for each in value] if isinstance(value, list) else 1e300 if type(value) is float else value
        )

    document["details"] |= {key: extreme(document["details"][key]) for key in ("step_seconds", "overhead", "roofline")}
    path.write_text(json.dumps(document))
    html = render(contents(read_folder(tmp_path)))
    assert "nan" not in re.sub("<style.*?</style>", "", html, flags=re.DOTALL)


def test_an_artifact_from_a_log_has_its_row(tmp_path: Path) -> None:
    put(tmp_path, "speed", log_artifact())
    page = contents(read_folder(tmp_path))
    assert page.glance.verdict == "1 case passed"
    assert [section.heading for section in page.groups[0].cases[0].sections] == ["Where it is from"]
    assert "0.500" in render(page)


def test_an_empty_folder_is_a_page(tmp_path: Path) -> None:
    page = contents(read_folder(tmp_path))
    assert page.is_empty
    assert "Nothing was measured" in render(page)
    assert Section("A heading").is_empty


def test_the_first_screen_has_the_summaries_of_the_sections_below(tmp_path: Path) -> None:
    write_comparison(tmp_path / FOLDER / "test.json", comparison(case()))
    page = contents(read_folder(tmp_path))
    assert not page.is_empty
    assert page.glance.verdict == "No artifacts of cases, only comparisons"
    summary = (Cell("Comparisons:", link="section-1"), "1 compared case: 1 slower, perhaps within 3 %.")
    assert page.glance.remarks == [summary]
    assert '<section id="section-1">' in render(page)
    put(tmp_path, "speed", speed_artifact())
    both = contents(read_folder(tmp_path)).glance
    assert (both.verdict, both.remarks) == ("1 case passed", [summary])
