"""A comparison that was interrupted is continued, but only as the same comparison."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare.command import main
from benchmarks.compare.judging.order import head_first
from fake_comparisons import CASE, OTHER_CASE, FakeRuns, arguments


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    made = FakeRuns()
    made.replace(monkeypatch)
    return made


def interrupt(at: int) -> Callable[[int], None]:
    def before(count: int) -> None:
        if count == at:
            raise KeyboardInterrupt

    return before


def read(output: Path) -> Any:
    return json.loads((output / "comparisons" / "test.json").read_text())


def edit(output: Path, change: Callable[[Any], object]) -> None:
    document = read(output)
    change(document)
    (output / "comparisons" / "test.json").write_text(json.dumps(document))


def started(fakes: FakeRuns, output: Path, *more: str, at: int = 6, case: tuple[str, ...] = (CASE,)) -> None:
    """A comparison that is interrupted in its third pair."""
    fakes.before = interrupt(at)
    assert main(arguments(output, *more, case=case)) == 130
    fakes.before = lambda _: None


@pytest.mark.parametrize("cases", [(CASE,), (CASE, OTHER_CASE)])
@pytest.mark.parametrize("at", [1, 6, 7])
def test_a_resumed_comparison_ends_as_one_that_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, cases: tuple[str, ...]
) -> None:
    def compared(output: Path, fakes: FakeRuns, *more: str) -> int:
        fakes.replace(monkeypatch)
        return main(arguments(output, "--max-pairs", "8", *more, case=cases))

    def disturbed(**more: Any) -> FakeRuns:
        return FakeRuns(noise=0.0, head=9.99, **more)

    whole = disturbed(machine={3: "disturbed"})
    assert compared(tmp_path / "whole", whole) == 0
    first = disturbed(machine={3: "disturbed"}, before=interrupt(at))
    assert compared(tmp_path / "parts", first) == 130
    done = len(first.calls) // 2 * 2 - (0 if len(first.calls) % 2 else 2)  # an unfinished pair is measured again
    second = disturbed(machine={3 - done: "disturbed"})
    assert compared(tmp_path / "parts", second, "--resume") == 0
    whole_cases, parts_cases = (read(tmp_path / name)["cases"] for name in ("whole", "parts"))
    for ours, theirs in zip(whole_cases, parts_cases, strict=True):
        for field in ("verdict", "alpha", "stopped_by", "finished"):
            assert ours[field] == theirs[field]
        for ours_pair, theirs_pair in zip(ours["pairs"], theirs["pairs"], strict=True):
            for field in ("number", "attempt", "head_first", "counted", "ratio"):
                assert ours_pair[field] == theirs_pair[field]
            for run in (theirs_pair["base"], theirs_pair["head"]):
                assert (tmp_path / "parts" / "comparisons" / run["artifact"]).is_file()


def test_the_seed_of_the_document_is_kept_if_none_is_given(fakes: FakeRuns, tmp_path: Path) -> None:
    given = ["--base", ".", "--case", CASE, "--output", str(tmp_path), "--name", "test"]
    fakes.before = interrupt(5)
    assert main(given) == 130
    seed = read(tmp_path)["procedure"]["seed"]
    fakes.before = lambda _: None
    assert main([*given, "--resume"]) == 0
    assert read(tmp_path)["procedure"]["seed"] == seed


def test_the_time_of_earlier_parts_counts(fakes: FakeRuns, tmp_path: Path) -> None:
    fakes.noise = 0.3
    started(fakes, tmp_path, "--budget", "2.1")
    assert main(arguments(tmp_path, "--budget", "2.1", "--resume")) == 0
    (case,) = read(tmp_path)["cases"]
    assert (case["stopped_by"], len(case["pairs"])) == ("budget", 4)
    assert read(tmp_path)["measuring_seconds"] == pytest.approx(120, abs=1)


def test_a_finished_comparison_is_printed_and_nothing_is_measured(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.head = 9.0
    assert main(arguments(tmp_path)) == 1
    before, runs = read(tmp_path), len(fakes.calls)
    capsys.readouterr()
    assert main(arguments(tmp_path, "--resume")) == 1
    out = capsys.readouterr().out
    assert "it is finished: there is nothing to resume" in out
    assert "head is 10.0 % slower than base" in out
    assert (read(tmp_path), len(fakes.calls)) == (before, runs)


def refused(output: Path, capsys: pytest.CaptureFixture[str], *more: str, case: tuple[str, ...] = (CASE,)) -> str:
    """The one line with which it is refused."""
    before = (output / "comparisons" / "test.json").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(arguments(output, "--resume", *more, case=case))
    assert ended.value.code == 2
    assert (output / "comparisons" / "test.json").read_bytes() == before
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--max-pairs", "20"), "--max-pairs: 12 there, 20 now"),
        (("--max-slowdown", "5%"), "--max-slowdown: 0.03 there, 0.05 now"),
        (("--budget", "5"), "--budget: none there, 5.0 now"),
        (("--seed", "2"), "--seed: 1 there, 2 now"),
        (("--full",), "--full: False there, True now"),
        (("--", "--ocr-steps", "20"), "options of both sides: --ocr-seed 0 --ocr-steps 10 --ocr-warmup 2 there, "),
        (("--head", "environ:A=1"), "head: given: . there, environ:A=1 now"),
    ],
)
def test_another_question_is_refused(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], message: str
) -> None:
    started(fakes, tmp_path)
    line = refused(tmp_path, capsys, *more)
    assert "test.json: it is another comparison: " in line
    assert message in line


def test_other_cases_are_refused(fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started(fakes, tmp_path)
    assert f"cases: {CASE} there, {OTHER_CASE} now" in refused(tmp_path, capsys, case=(OTHER_CASE,))


def test_a_changed_tree_another_version_and_another_machine_are_refused(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started(fakes, tmp_path)
    fakes.commit = "b" * 40
    assert f"head: commit: {'a' * 40} there, {'b' * 40} now" in refused(tmp_path, capsys)
    fakes.commit = "a" * 40
    fakes.versions = {"working tree": {"torch": "2.14"}}
    torch = read(tmp_path)["base"]["versions"]["torch"]  # that of the first run
    assert f"base: torch: {torch} there, 2.14 now" in refused(tmp_path, capsys)
    fakes.versions = {}
    other = {"cpu": "another CPU", "cores": "2"}
    monkeypatch.setattr("benchmarks.compare.opening.key_of_this_machine", lambda case: other)
    assert "machine: cpu: 1 there, another CPU here" in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda document: document.pop("cases"),
            "does not fit comparison.schema.json: document: 'cases' is a required",
        ),
        (lambda document: document.update(seed=1), "does not fit comparison.schema.json"),
        (lambda document: document["cases"][0]["pairs"][0].update(ratio=2.0), "pair 1: ratio is not that of its runs"),
        (
            lambda document: document["cases"][0]["pairs"][1].update(number=3),
            "pair 3: not the next one of the procedure",
        ),
        (lambda document: document["cases"][0]["pairs"].pop(0), "pair 2: not the next one of the procedure"),
        (
            lambda document: document["cases"][0]["pairs"][0].update(head_first=not head_first(1, 1, 12)),
            "pair 1: not the next one of the procedure",
        ),
        (
            lambda document: document["cases"][0]["pairs"][0].update(counted=False),
            "other pairs count than the procedure counts",
        ),
        (
            lambda document: document["cases"][0]["pairs"].extend(document["cases"][0]["pairs"] * 9),
            "pair 1: not the next one of the procedure",
        ),
    ],
)
def test_an_edited_document_is_refused(
    fakes: FakeRuns,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Any], object],
    message: str,
) -> None:
    started(fakes, tmp_path)
    edit(tmp_path, change)
    assert message in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON: the file is empty"),
        ('{"name": ', "not JSON: "),
        ("[]", "does not fit comparison.schema.json"),
        ('{"measuring_seconds": NaN}', "contains NaN"),
    ],
)
def test_a_corrupt_document_is_refused(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    started(fakes, tmp_path)
    (tmp_path / "comparisons" / "test.json").write_text(content)
    assert message in refused(tmp_path, capsys)


def test_pairs_of_two_cases_that_are_not_in_turns_are_refused(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started(fakes, tmp_path, at=8, case=(CASE, OTHER_CASE))
    edit(tmp_path, lambda document: document["cases"][0]["pairs"].clear())
    line = refused(tmp_path, capsys, case=(CASE, OTHER_CASE))
    assert "its pairs are not in the order of the procedure: it was edited" in line


def test_without_resume_the_earlier_document_and_its_runs_are_kept(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started(fakes, tmp_path)
    first = read(tmp_path)
    for number in (1, 2):
        capsys.readouterr()
        assert main(arguments(tmp_path, "--max-pairs", "2")) == 0
        assert f"an earlier comparison of this name is now test.{number}.json" in capsys.readouterr().out
    kept = json.loads((tmp_path / "comparisons" / "test.1.json").read_text())
    assert kept == first
    for pair in kept["cases"][0]["pairs"]:
        assert (tmp_path / "comparisons" / pair["base"]["artifact"]).is_file()


def test_a_finished_comparison_is_not_the_result_of_another_question(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(tmp_path))
    assert "--max-slowdown: 0.03 there, 0.05 now" in refused(tmp_path, capsys, "--max-slowdown", "5%")
    fakes.commit = "b" * 40
    assert "head: commit: " in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("artifacts", "message"),
    [(True, "torch was 1 in its first run and is 2.99 now"), (False, "torch: 1 there, 2.99 now")],
)
def test_a_version_that_only_the_runs_show_must_be_the_same(
    fakes: FakeRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], artifacts: bool, message: str
) -> None:
    started(fakes, tmp_path)
    if not artifacts:
        shutil.rmtree(tmp_path / "comparisons" / "test.runs")
    pairs = read(tmp_path)["cases"][0]["pairs"]
    fakes.details = lambda side, artifact: artifact["details"]["environment"].update(torch="2.99")
    with pytest.raises(SystemExit) as ended:
        main(arguments(tmp_path, "--resume"))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert read(tmp_path)["cases"][0]["pairs"] == pairs
    fakes.details = lambda side, artifact: None
    assert main(arguments(tmp_path, "--resume")) == 0


def test_missing_artifacts_are_remarked_and_the_versions_stay(fakes: FakeRuns, tmp_path: Path) -> None:
    started(fakes, tmp_path)
    versions = read(tmp_path)["base"]["versions"]
    shutil.rmtree(tmp_path / "comparisons" / "test.runs")
    assert main(arguments(tmp_path, "--resume")) == 0
    assert read(tmp_path)["base"]["versions"] == versions
    assert "the artifacts of 4 runs are missing and were not compared" in read(tmp_path)["cases"][0]["remarks"]
