from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.report.page.folder import Folder, read_folder
from page_folder import put, put_steps
from samples import SPEED_CASE, speed_artifact

LOG = "ocr_PSENet_sp_bs2_fp32_cpu1"


def test_an_output_folder_and_its_index_are_the_same(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact())
    for path in (tmp_path, tmp_path / "index"):
        folder = read_folder(path)
        assert [case.name for case in folder.cases] == [SPEED_CASE]
        assert folder.output == tmp_path


def test_any_file_becomes_a_line_and_none_an_error(tmp_path: Path) -> None:
    good = put(tmp_path, "speed", speed_artifact())
    index = good.parent
    (index / "half_speed").write_bytes(good.read_bytes()[:300])
    (index / "empty_speed").touch()
    (index / "binary_convergence").write_bytes(bytes(range(256)))
    (index / "another_convergence").write_bytes(good.read_bytes())
    (index / "notes.txt").write_text("x")
    (index / "folder_speed").mkdir()
    (index / "dangling_speed").symlink_to("nothing")
    os.mkfifo(index / "pipe_speed")
    (index / f"{LOG}_convergence.png").touch()  # next to an artifact
    (index / ".hidden_speed").touch()
    folder = read_folder(tmp_path)
    assert [case.name for case in folder.cases] == [SPEED_CASE]
    assert {name for name, _ in folder.unreadable} == {
        *("half_speed", "empty_speed", "binary_convergence", "another_convergence"),
        *("notes.txt", "folder_speed", "dangling_speed", "pipe_speed"),
    }
    assert all(reason and "\n" not in reason for _, reason in folder.unreadable)


def test_steps_are_read_by_rank_as_far_as_they_can_be(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact())
    put_steps(tmp_path, LOG, ranks=2, steps=4)
    steps = tmp_path / "train_log" / f"{LOG}.steps.jsonl"
    with steps.open("a") as file:
        file.write('{"rank": 0, "index": "one"}\nnot JSON\n{"rank"')
    (case,) = read_folder(tmp_path).cases
    assert {rank: [each.index for each in records] for rank, records in case.steps.items()} == {
        0: [1, 2, 3, 4],
        1: [1, 2, 3, 4],
    }


@pytest.mark.parametrize("log_file", ["/etc/passwd", "../../../etc/passwd", "train_log/.."])
def test_a_path_in_an_artifact_leads_nowhere_else(tmp_path: Path, log_file: str) -> None:
    path = put(tmp_path, "speed", speed_artifact())
    path.write_text(path.read_text().replace(f"logs/train_log/{LOG}", log_file))
    (case,) = read_folder(tmp_path).cases
    assert case.log_tail() == []
    assert case.steps == {}


def test_the_end_of_a_train_log_is_short_and_without_names(tmp_path: Path) -> None:
    put(tmp_path, "speed", speed_artifact())
    (tmp_path / "train_log").mkdir()
    lines = [*(f"line {number}" for number in range(5000)), "x" * 5000, "at 192.0.2.7"]
    (tmp_path / "train_log" / LOG).write_text("\n".join(lines))
    (case,) = read_folder(tmp_path).cases
    tail = case.log_tail()
    assert len(tail) == 15
    assert max(map(len, tail)) <= 300
    assert tail[-1] == "at <ip>"


def test_many_cases_have_fewer_points_each(tmp_path: Path) -> None:
    original = put(tmp_path, "speed", speed_artifact())
    for number in range(120):
        (original.parent / f"copy{number}_speed").write_bytes(original.read_bytes())
    cases = read_folder(tmp_path).cases
    assert len(cases) == 121
    assert cases[0].is_one_of_many
    assert cases[0].points < 60
    assert not Folder(tmp_path).cases
