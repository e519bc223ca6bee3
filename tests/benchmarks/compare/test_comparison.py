"""The loop, with made-up runs: order, looks, repeats, budget, several cases, and every way to end."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.compare import files
from benchmarks.compare.command import main
from benchmarks.compare.document import Comparison
from benchmarks.compare.judging.order import head_first
from benchmarks.compare.sides.open_side import OpenSide
from benchmarks.compare.sides.side import Side
from fake_comparisons import CASE, OTHER_CASE, FakeRuns, arguments


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    made = FakeRuns()
    made.replace(monkeypatch)
    return made


def document(output: Path) -> Comparison:
    return files.read(output / "comparisons" / "test.json")


def test_a_quiet_comparison_ends_at_its_first_look(fakes: FakeRuns, tmp_path: Path) -> None:
    assert main(arguments(tmp_path)) == 0
    done = document(tmp_path)
    (case,) = done.cases
    assert (case.verdict.word, case.stopped_by, case.finished, done.finished) == ("no slower", "settled", True, True)
    assert [pair.number for pair in case.pairs] == [1, 2, 3, 4, 5]
    assert done.measuring_seconds == 2 * 30 + 8 * 10
    expected = [["base", "head"][:: -1 if head_first(1, number, 12) else 1] for number in range(1, 6)]
    assert fakes.order == [side for pair in expected for side in pair]
    assert fakes.opened_now == 0


@pytest.mark.parametrize(
    ("head", "word", "code"), [(9.0, "slower", 1), (9.9, "no slower", 0), (11.0, "faster", 0), (10.0, "no slower", 0)]
)
def test_the_verdict_and_the_exit_code_follow_the_head(
    fakes: FakeRuns, tmp_path: Path, head: float, word: str, code: int
) -> None:
    fakes.head = head
    assert main(arguments(tmp_path)) == code
    assert document(tmp_path).cases[0].verdict.word == word


@pytest.mark.parametrize(("more", "code"), [((), 0), (("--strict",), 1)])
def test_pairs_that_cannot_tell_fail_only_if_strict(
    fakes: FakeRuns, tmp_path: Path, more: tuple[str, ...], code: int
) -> None:
    fakes.noise = 0.5
    assert main(arguments(tmp_path, "--max-pairs", "8", *more)) == code
    (case,) = document(tmp_path).cases
    assert (case.verdict.word, case.stopped_by, len(case.pairs)) == ("cannot tell", "max_pairs", 8)


def test_both_sides_get_seed_and_steps_and_what_is_given_after_two_dashes(fakes: FakeRuns, tmp_path: Path) -> None:
    main(arguments(tmp_path, "--max-pairs", "2", "--", "--ocr-steps", "7", "--ocr-data", "photos"))
    options = ["--ocr-steps", "7", "--ocr-data", str(Path("photos").absolute()), "--ocr-seed", "0", "--ocr-warmup", "2"]
    assert {tuple(call["options"]) for call in fakes.calls} == {tuple(options)}
    assert document(tmp_path).procedure.common_options[:2] == ["--ocr-steps", "7"]


def test_the_first_pair_is_full_and_later_ones_are_light(fakes: FakeRuns, tmp_path: Path) -> None:
    main(arguments(tmp_path, "--max-pairs", "3"))
    assert [call["light"] for call in fakes.calls] == [False, False, True, True, True, True]


@pytest.mark.parametrize(("light", "more"), [(False, ()), (True, ("--full",))])
def test_all_pairs_are_full_if_asked_for_or_if_a_side_knows_no_other(
    fakes: FakeRuns, tmp_path: Path, light: bool, more: tuple[str, ...]
) -> None:
    fakes.light = light
    main(arguments(tmp_path, "--max-pairs", "3", *more))
    assert not any(call["light"] for call in fakes.calls)
    (case,) = document(tmp_path).cases
    told = "every pair was measured with the probes: --ocr-light is not known to base and head"
    assert (told in case.remarks) == (not light)


def test_a_disturbed_pair_is_repeated_and_counted(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.machine = {3: "disturbed"}
    main(arguments(tmp_path))
    (case,) = document(tmp_path).cases
    assert [(pair.number, pair.attempt, pair.counted) for pair in case.pairs[:3]] == [
        *((1, 1, True), (2, 1, False), (2, 2, True))
    ]
    assert len(case.pairs) == 6
    out = capsys.readouterr().out
    assert "pair 2/12: " in out
    assert "; machine disturbed; " in out
    assert "; machine disturbed; repeated next" in out
    assert "pair 2/12 (attempt 2): " in out
    assert "the machine was disturbed in 1 attempt that was repeated: other programs used 1.50 of 2 cores" in out
    assert "5 (1 repeated)" in out


def test_a_failed_side_ends_the_comparison_with_its_cause(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = 1 if head_first(1, 1, 12) else 2
    fakes.failures = {head: "out of memory: 3 GiB"}
    assert main(arguments(tmp_path)) == 1
    (case,) = document(tmp_path).cases
    assert (case.verdict.word, case.stopped_by, len(case.pairs)) == ("failed", "failure", 1)
    assert case.verdict.sentence == "head failed in pair 1: out of memory: 3 GiB"
    assert len(fakes.calls) == 2
    out = capsys.readouterr().out
    assert "head failed: out of memory: 3 GiB" in out


@pytest.mark.parametrize(("changes_after", "pairs"), [(3, 1), (4, 1), (10, 4)])
def test_a_tree_that_changes_fails_the_comparison_without_the_pair_that_it_may_have_changed(
    fakes: FakeRuns, tmp_path: Path, changes_after: int, pairs: int
) -> None:
    """After 10 runs it would have been settled."""
    fakes.changed = lambda: len(fakes.calls) >= changes_after
    assert main(arguments(tmp_path)) == 1
    (case,) = document(tmp_path).cases
    assert (case.verdict.word, case.finished, len(case.pairs)) == ("failed", True, pairs)
    assert case.verdict.sentence == "working tree: changed while it was measured; edit another checkout"


@pytest.mark.usefixtures("default_signals")
def test_a_side_that_cannot_be_asked_after_a_signal_is_an_interruption(fakes: FakeRuns, tmp_path: Path) -> None:
    """The signal may have ended git."""
    fakes.before = lambda count: os.kill(os.getpid(), signal.SIGINT) if count == 4 else None
    fakes.changed = lambda: len(fakes.calls) >= 4
    assert main(arguments(tmp_path)) == 130
    done = document(tmp_path)
    assert (done.finished, done.cases[0].stopped_by, len(done.cases[0].pairs)) == (False, "interrupted", 1)


@pytest.mark.parametrize(
    ("part", "field"), [("environment", "torch"), ("data", "images")], ids=["a version", "a setting"]
)
def test_a_side_whose_later_run_has_another_field_fails_the_comparison(
    fakes: FakeRuns, tmp_path: Path, part: str, field: str
) -> None:
    def details(side: str, artifact: dict[str, Any]) -> None:
        artifact["details"].setdefault(part, {})[field] = 7 if len(fakes.calls) < 5 or side == "base" else 8

    fakes.details = details
    assert main(arguments(tmp_path)) == 1
    (case,) = document(tmp_path).cases
    assert (case.verdict.word, len(case.pairs)) == ("failed", 2)
    assert f"{field} was 7 in its first run and is 8 now" in case.verdict.sentence


def test_of_the_output_only_the_comparisons_are_no_change_of_a_tree(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output may be the tree itself."""
    outputs = []

    def opened(side: Side, **keywords: Any) -> AbstractContextManager[OpenSide]:
        outputs.append(keywords["output"])
        return fakes.opened(side, **keywords)

    monkeypatch.setattr("benchmarks.compare.opening.opened", opened)
    main(arguments(tmp_path, "--max-pairs", "2"))
    assert outputs == [tmp_path / "comparisons"] * 2


def test_pairs_are_full_until_one_of_them_is_good(fakes: FakeRuns, tmp_path: Path) -> None:
    """A disturbed first attempt may have no reference figures."""
    fakes.failures = {1: "disturbed: step 3 was held up"}
    fakes.machine = {1: "disturbed"}
    main(arguments(tmp_path, "--max-pairs", "3"))
    assert [call["light"] for call in fakes.calls[:6]] == [False] * 4 + [True] * 2


def test_a_pair_that_does_not_fit_into_the_budget_is_not_begun(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.noise = 0.3
    assert main(arguments(tmp_path, "--budget", "2")) == 0  # 60 s for the first pair, 20 s for each other
    (case,) = document(tmp_path).cases
    assert (case.stopped_by, case.finished, len(case.pairs)) == ("budget", True, 4)
    assert "ended after 4 pairs: the next one would not have fitted into 2 minutes" in capsys.readouterr().out


def test_the_first_pair_is_measured_whatever_the_budget(fakes: FakeRuns, tmp_path: Path) -> None:
    main(arguments(tmp_path, "--budget", "0.1"))
    (case,) = document(tmp_path).cases
    assert (case.stopped_by, len(case.pairs), case.verdict.word) == ("budget", 1, "cannot tell")


def test_several_cases_are_measured_in_turns_and_a_decided_one_leaves_its_level_to_others(
    fakes: FakeRuns, tmp_path: Path
) -> None:
    fakes.head, fakes.noise_of = 9.85, {OTHER_CASE: 0.4}
    assert main(arguments(tmp_path, "--max-pairs", "8", case=(CASE, OTHER_CASE))) == 0
    cases = [call["case"] for call in fakes.calls]
    assert cases[:8] == [CASE, CASE, OTHER_CASE, OTHER_CASE] * 2
    first, second = document(tmp_path).cases
    assert (first.verdict.word, len(first.pairs), first.alpha) == ("no slower", 5, 0.025)
    assert (second.verdict.word, len(second.pairs), second.alpha) == ("cannot tell", 8, 0.05)
    assert first.verdict.wall is not None
    assert second.verdict.wall is not None
    assert first.verdict.wall.level < second.verdict.wall.level < 0.05
    assert {call["folder"].parent.name for call in fakes.calls} == {CASE, OTHER_CASE}


def test_a_case_without_further_pairs_gets_the_level_of_one_that_is_decided_after_it(
    fakes: FakeRuns, tmp_path: Path
) -> None:
    fakes.head, fakes.noise_of = 9.85, {OTHER_CASE: 0.4}
    main(arguments(tmp_path, "--max-pairs", "5", case=(OTHER_CASE, CASE)))
    first, second = document(tmp_path).cases
    assert (first.verdict.word, second.verdict.word) == ("cannot tell", "no slower")
    assert (first.alpha, second.alpha) == (0.05, 0.025)


def test_a_case_of_equal_sides_has_spent_its_level(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.noise_of = {OTHER_CASE: 0.4}
    main(arguments(tmp_path, "--max-pairs", "8", case=(CASE, OTHER_CASE)))
    first, second = document(tmp_path).cases
    assert (first.verdict.word, second.verdict.word) == ("no slower", "cannot tell")
    assert (first.alpha, second.alpha) == (0.025, 0.025)


def test_a_failed_case_leaves_the_others_alone(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.failures = {3: "killed"}
    assert main(arguments(tmp_path, case=(CASE, OTHER_CASE))) == 1
    assert [case.verdict.word for case in document(tmp_path).cases] == ["no slower", "failed"]


def test_sides_with_cases_of_their_own_are_compared(fakes: FakeRuns, tmp_path: Path) -> None:
    given = ["--base", f"case:{CASE}", "--head", f"case:{OTHER_CASE}", "--max-pairs", "2", "--output", str(tmp_path)]
    main([*given, "--name", "test"])
    (case,) = document(tmp_path).cases
    assert (case.base_case, case.head_case) == (CASE, OTHER_CASE)
    assert {(call["side"], call["case"]) for call in fakes.calls} == {("base", CASE), ("head", OTHER_CASE)}


def test_a_training_that_computes_something_else_is_a_loud_warning(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def details(side: str, artifact: dict[str, Any]) -> None:
        artifact["details"]["loss_last"] = {"loss": 0.61 if side == "base" else 0.7}
        artifact["details"]["image_cache"] = "none" if side == "base" else "decoded"

    fakes.details, fakes.head = details, 12.0
    main(arguments(tmp_path))
    (case,) = document(tmp_path).cases
    assert [change.field for change in case.training_changes] == ["details.loss_last.loss"]
    lines = capsys.readouterr().out.splitlines()
    (warning,) = [line for line in lines if "WARNING" in line]
    assert "the sides compute different things: loss_last.loss: 0.61 -> 0.7" in warning
    assert "is no gain" in warning
    assert any(line.split() == ["differs:", "image_cache:", "none", "->", "decoded"] for line in lines)


def test_what_is_not_known_of_the_machine_before_is_read_from_the_runs(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.compare.opening.key_of_this_machine", lambda case: {"memory": "16 GiB"})
    main(arguments(tmp_path, "--max-pairs", "2"))
    assert document(tmp_path).machine == {"device": "cpu", "cpu": "1", "cores": "2", "memory": "16 GiB"}


def test_a_difference_without_any_known_cause_is_called_unexplained(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.head = 12.0
    main(arguments(tmp_path))
    (case,) = document(tmp_path).cases
    assert case.verdict.word == "faster"
    assert any("this difference is unexplained" in remark for remark in case.remarks)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_between_the_pairs_leaves_an_unfinished_document(
    fakes: FakeRuns,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    real = files.write

    def write(path: Path, comparison: Comparison) -> None:
        real(path, comparison)
        if len(fakes.calls) == 4:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)  # of an impatient user

    monkeypatch.setattr("benchmarks.compare.comparison.write", write)
    assert main(arguments(tmp_path)) == 130
    done = document(tmp_path)
    assert (done.finished, done.cases[0].stopped_by, len(done.cases[0].pairs)) == (False, "interrupted", 2)
    out = capsys.readouterr().out
    assert "interrupted after 2 pairs: the same command with --resume continues" in out
    assert "cannot tell, unfinished" in out
    assert fakes.opened_now == 0


def test_an_interruption_during_a_run_counts_no_half_pair(fakes: FakeRuns, tmp_path: Path) -> None:
    def before(count: int) -> None:
        if count == 4:  # the second run of the second pair
            raise KeyboardInterrupt

    fakes.before = before
    assert main(arguments(tmp_path)) == 130
    done = document(tmp_path)
    assert (done.finished, len(done.cases[0].pairs)) == (False, 1)
    assert fakes.opened_now == 0


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("count", [3, 4])
def test_a_signal_in_a_pair_starts_no_further_run(fakes: FakeRuns, tmp_path: Path, count: int) -> None:
    fakes.before = lambda now: os.kill(os.getpid(), signal.SIGINT) if now == count else None
    assert main(arguments(tmp_path)) == 130
    assert len(fakes.calls) == count
    assert len(document(tmp_path).cases[0].pairs) == count // 2  # a pair whose runs are complete counts


def test_an_interruption_while_the_sides_are_opened_leaves_no_document(
    fakes: FakeRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.compare.opening.opened", opened)
    assert main(arguments(tmp_path)) == 130
    assert "interrupted, not in a pair" in capsys.readouterr().out
    assert not (tmp_path / "comparisons" / "test.json").exists()


def test_a_stored_side_is_compared_with_new_runs_of_the_other_one(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path / "earlier")) == 0
    stored = f"stored:{tmp_path}/earlier/comparisons/test.json#head"
    fakes.calls.clear()
    fakes.head = 5.0
    given = ["--base", stored, "--case", CASE, "--output", str(tmp_path), "--name", "test", "--markdown", "/dev/null"]
    assert main([*given, "--stored-drift", "4%"]) == 1
    assert set(fakes.order) == {"head"}
    done = document(tmp_path)
    (case,) = done.cases
    assert (case.verdict.word, done.base.kind, done.base.stored_runs) == ("slower", "stored", 5)
    assert case.base_samples_per_second == pytest.approx(10, rel=0.01)
    assert all(pair.base is None and pair.ratio is None for pair in case.pairs)
    out = capsys.readouterr().out
    assert "note:     base is stored (5 runs): what has changed on the machine since cannot be distinguished" in out
    assert "widened by 4 % at both ends" in out
    assert main([*given, "--stored-drift", "4%", "--resume"]) == 1
    assert "it is finished" in capsys.readouterr().out


def test_a_stored_side_with_other_settings_fails_at_the_first_run(fakes: FakeRuns, tmp_path: Path) -> None:
    main(arguments(tmp_path / "earlier"))
    fakes.details = lambda side, artifact: artifact["details"].update(loader_workers_per_process=7)
    stored = f"stored:{tmp_path}/earlier/comparisons/test.json#head"
    assert main(["--base", stored, "--case", CASE, "--output", str(tmp_path), "--name", "test"]) == 1
    (case,) = document(tmp_path).cases
    assert case.verdict.word == "failed"
    assert "measured with other settings: loader_workers_per_process" in case.verdict.sentence


def test_what_is_not_known_of_a_stored_side_is_remarked(fakes: FakeRuns, tmp_path: Path) -> None:
    main(arguments(tmp_path / "earlier"))
    earlier = tmp_path / "earlier" / "comparisons"
    known = document(tmp_path / "earlier")
    machine = {name: value for name, value in known.machine.items() if name != "memory"}
    files.write(earlier / "test.json", structs.replace(known, machine=machine))
    shutil.rmtree(earlier / "test.runs")
    main(["--base", f"stored:{earlier}/test.json", "--case", CASE, "--output", str(tmp_path), "--name", "test"])
    found = document(tmp_path).cases[0].remarks
    assert "base is stored: memory of its machine and of this one were not compared" in found
    assert "base is stored: its artifacts are missing, so its settings were not compared" in found
