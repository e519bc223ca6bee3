"""Comparisons as tests, with made-up runs: from verdict to outcome, the family of cases, the budget."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.cases import Case, parse_case
from benchmarks.compare import files, opening
from benchmarks.compare.errors import SideError
from benchmarks.compare.judging.order import head_first
from benchmarks.compare.pytest_form import Comparisons, comparisons
from benchmarks.harness.controller.output import claimed
from benchmarks.harness.protocol.settings import Settings
from fake_comparisons import CASE, OTHER_CASE, FakeRuns

FIRST, SECOND = parse_case(CASE), parse_case(OTHER_CASE)
GPU_CASE = parse_case("psenet_sp_bs8_fp32_1")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    made = FakeRuns()
    made.replace(monkeypatch)
    monkeypatch.setattr("benchmarks.compare.question.secrets.randbelow", lambda _: 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return made


def opened(
    output: Path,
    *cases: Case,
    said: list[str] | None = None,
    options: tuple[str, ...] = (),
    side: str = ".",
    **settings: Any,
) -> AbstractContextManager[Comparisons]:
    say = (lambda _: None) if said is None else said.append
    return comparisons(
        Settings(output=output, compare=side, **settings), cases or (FIRST,), options, "--ocr-compare", say
    )


def item() -> pytest.Item:
    return cast(pytest.Item, SimpleNamespace(user_properties=[]))


def properties(of: pytest.Item) -> dict[str, object]:
    return dict(of.user_properties)


@pytest.mark.parametrize(
    ("fake", "more", "word", "passes"),
    [
        ({}, {}, "no slower", True),
        ({"head": 11.0}, {}, "faster", True),
        ({"head": 9.0}, {}, "slower", False),
        ({"head": 9.0}, {"max_slowdown": 0.2}, "no slower", True),
        ({"noise": 0.5}, {"max_pairs": 2}, "cannot tell", True),
        ({"noise": 0.5}, {"max_pairs": 2, "strict_compare": True}, "cannot tell", False),
        ({"failures": {2: "out of memory"}}, {}, "failed", False),
    ],
)
def test_the_outcome_of_a_test_follows_the_verdict(
    fakes: FakeRuns, tmp_path: Path, fake: dict[str, Any], more: dict[str, Any], word: str, passes: bool
) -> None:
    vars(fakes).update(fake)
    said: list[str] = []
    test = item()
    with opened(tmp_path, said=said, **more) as made:
        if passes:
            made.judge(FIRST, test)
        else:
            with pytest.raises(pytest.fail.Exception) as failed:
                made.judge(FIRST, test)
    name = f"{CASE}_here_to_here.json"
    (case,) = files.read(tmp_path / "comparisons" / name).cases
    assert case.verdict.word == properties(test)["verdict"] == word
    line = f"{case.verdict.sentence} [{name}]"
    assert said[-1] == f"{CASE}: {line}" if passes else str(failed.value) == line
    assert fakes.opened_now == 0


def test_properties_have_the_figures_of_the_verdict(fakes: FakeRuns, tmp_path: Path) -> None:
    test = item()
    with opened(tmp_path) as made:
        made.judge(FIRST, test)
    (case,) = made.documents[FIRST][0].cases
    assert case.verdict.wall is not None
    assert case.verdict.cpu is not None
    wall = case.verdict.wall
    assert properties(test) == {
        **{"verdict": "no slower", "pairs": 5, "measure": "wall", "cpu_ratio": case.verdict.cpu.ratio},
        **{"ratio": wall.ratio, "ratio_low": wall.low, "ratio_high": wall.high},
        "verdict_in_words": "no slower than 3 %",
    }


def test_both_sides_get_the_options_of_this_pytest_and_seed_and_steps(fakes: FakeRuns, tmp_path: Path) -> None:
    with opened(tmp_path, options=("--ocr-image-size", "64", "--ocr-steps", "7"), max_pairs=2) as made:
        made.judge(FIRST, item())
    expected = ("--ocr-image-size", "64", "--ocr-steps", "7", "--ocr-seed", "0", "--ocr-warmup", "2")
    assert {tuple(call["options"]) for call in fakes.calls} == {expected}


@pytest.mark.parametrize("profiled", [False, True])
def test_later_pairs_are_light_unless_the_loader_is_profiled(fakes: FakeRuns, tmp_path: Path, profiled: bool) -> None:
    with opened(tmp_path, max_pairs=2, profile_loader=profiled) as made:
        made.judge(FIRST, item())
    assert [call["light"] for call in fakes.calls] == [False, False, not profiled, not profiled]


@pytest.mark.parametrize(("head", "alpha"), [(9.0, 0.05), (10.0, 0.025)])
def test_a_sure_difference_passes_its_level_on_to_later_cases(
    fakes: FakeRuns, tmp_path: Path, head: float, alpha: float
) -> None:
    fakes.head = head
    with opened(tmp_path, FIRST, SECOND) as made:
        for case in (FIRST, SECOND):
            with pytest.raises(pytest.fail.Exception) if head < 10 else nullcontext():
                made.judge(case, item())
    assert [made.documents[case][0].cases[0].alpha for case in (FIRST, SECOND)] == [0.025, alpha]


def test_a_case_that_is_skipped_has_no_share_of_the_error(fakes: FakeRuns, tmp_path: Path) -> None:
    with opened(tmp_path, GPU_CASE, FIRST) as made:
        with pytest.raises(pytest.skip.Exception, match="needs 1 CUDA GPU, found 0"):
            made.judge(GPU_CASE, item())
        made.judge(FIRST, item())
    assert made.documents[FIRST][0].cases[0].alpha == 0.05


def test_nothing_is_opened_if_no_case_can_run(fakes: FakeRuns, tmp_path: Path) -> None:
    with opened(tmp_path, GPU_CASE, require=True) as made:
        assert fakes.opened_now == 0
        with pytest.raises(pytest.fail.Exception, match="needs 1 CUDA GPU, found 0"):
            made.judge(GPU_CASE, item())
    assert made.lines == []


def test_the_budget_is_for_all_cases_and_what_is_left_is_shared(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.noise = 0.3
    with opened(tmp_path, FIRST, SECOND, budget_minutes=4) as made:  # 60 s for a first pair, 20 s for each other
        for case in (FIRST, SECOND):
            made.judge(case, item())
    found = [made.documents[case][0] for case in (FIRST, SECOND)]
    assert [(each.procedure.budget_minutes, len(each.cases[0].pairs)) for each in found] == [(2, 4), (2, 4)]
    fakes.noise = 0.001
    with opened(tmp_path, FIRST, SECOND, budget_minutes=8) as made:
        for case in (FIRST, SECOND):
            made.judge(case, item())
    assert made.documents[SECOND][0].procedure.budget_minutes == pytest.approx(8 - 140 / 60, abs=0.01)


def test_a_test_that_is_run_again_spends_the_same_budget_and_reports_its_last_comparison(
    fakes: FakeRuns, tmp_path: Path
) -> None:
    fakes.failures = {1: "out of memory", 4: "out of memory"}
    test = item()
    with opened(tmp_path, FIRST, SECOND, budget_minutes=8) as made:  # 60 s for a first pair
        for _ in range(2):
            with pytest.raises(pytest.fail.Exception):
                made.judge(FIRST, test)
        made.judge(FIRST, test)
        assert made.documents[FIRST][0].procedure.budget_minutes == (8 - 2) / 2
        made.judge(SECOND, item())
    spent = 2 + made.documents[FIRST][0].measuring_seconds / 60
    assert made.documents[SECOND][0].procedure.budget_minutes == pytest.approx(8 - spent, abs=0.01)
    names = [name for name, _ in test.user_properties]
    assert sorted(names) == sorted(set(names))
    assert properties(test)["verdict"] == "no slower"
    assert [line for line in made.lines if "its test ran" in line] == [
        "  note:     its test ran 3 times: this is the last comparison; each has an error probability of its own"
    ]


def test_an_interruption_ends_the_session_and_leaves_a_valid_document(fakes: FakeRuns, tmp_path: Path) -> None:
    def before(count: int) -> None:
        if count == 4:
            raise KeyboardInterrupt

    fakes.before = before
    with pytest.raises(KeyboardInterrupt), opened(tmp_path) as made:
        made.judge(FIRST, item())
    done = files.read(tmp_path / "comparisons" / f"{CASE}_here_to_here.json")
    assert (done.finished, len(done.cases[0].pairs)) == (False, 1)
    assert "interrupted after 1 pair" in done.cases[0].remarks
    assert any("cannot tell, unfinished" in line for line in made.lines)
    assert fakes.opened_now == 0


def test_the_table_has_a_row_per_case_and_names_the_documents(fakes: FakeRuns, tmp_path: Path) -> None:
    with opened(tmp_path, FIRST, SECOND) as made:
        for case in (FIRST, SECOND):
            made.judge(case, item())
    rows = [line for line in made.lines if line.startswith((f"{CASE} ", f"{OTHER_CASE} "))]
    assert [row.endswith("  no slower than 3 %") for row in rows] == [True, True]
    assert f"{CASE}: no slower than 3 %" in made.lines
    documents = [line.split()[1] for line in made.lines if line.startswith("  document:")]
    assert documents == [f"comparisons/{case}_here_to_here.json" for case in (CASE, OTHER_CASE)]


def test_an_earlier_document_is_kept(fakes: FakeRuns, tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path, max_pairs=2) as made:
            made.judge(FIRST, item())
    assert sorted(path.name for path in (tmp_path / "comparisons").glob("*.json")) == [
        *(f"{CASE}_here_to_here.1.json", f"{CASE}_here_to_here.json")
    ]


@pytest.mark.parametrize(
    ("side", "cases", "message"),
    [
        (f"case:{CASE}", (FIRST, SECOND), f"--ocr-compare: case:{CASE} is compared in one case at a time, and 2 are"),
        (f"case:{GPU_CASE}", (FIRST,), "--ocr-compare: .* do not run on the same device"),
        ("main", (FIRST,), "--ocr-compare: 'main' is not a side"),
        ("rev:gone", (FIRST,), "--ocr-compare: rev:gone: no such revision"),
    ],
)
def test_a_side_that_cannot_be_compared_is_refused_before_the_first_case(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str, cases: tuple[Case, ...], message: str
) -> None:
    def refused(*_: object, **__: object) -> Any:
        raise SideError("rev:gone: no such revision")

    monkeypatch.setattr(opening, "opened", refused)
    with pytest.raises(pytest.UsageError, match=message), opened(tmp_path, *cases, side=side):
        pass


def test_two_comparisons_in_one_folder_are_refused(fakes: FakeRuns, tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "comparisons"),
        pytest.raises(pytest.UsageError, match="--ocr-output: another comparison writes to"),
        opened(tmp_path),
    ):
        pass


def test_the_folder_of_a_run_is_free_for_it(fakes: FakeRuns, tmp_path: Path) -> None:
    def before(_: int) -> None:
        with claimed(tmp_path), claimed(fakes.calls[-1]["folder"]):
            pass

    fakes.before = before
    with opened(tmp_path, max_pairs=2) as made:
        made.judge(FIRST, item())


def test_a_failure_names_the_side_and_its_cause(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.failures = {1 if head_first(1, 1, 12) else 2: "out of memory: 3 GiB"}
    with opened(tmp_path) as made, pytest.raises(pytest.fail.Exception) as failed:
        made.judge(FIRST, item())
    assert str(failed.value) == f"head failed in pair 1: out of memory: 3 GiB [{CASE}_here_to_here.json]"
