"""The command line of a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

import compared
from benchmarks.compare import files
from benchmarks.compare.arguments import MAX_PAIRS_OF_ALL, parse, parser
from benchmarks.compare.command import main
from benchmarks.harness.results.reading import MAX_BYTES
from fake_comparisons import CASE, OTHER_CASE

GOOD = ["--base", ".", "--case", CASE]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "argument --base: missing; for example --base rev:main"),
        (["--base", "."], "argument --case: missing; for example --case psenet_sp_bs2_fp32_cpu1"),
        (["--base"], "argument --base: expected one argument"),
        ([*GOOD, "--bse", "."], "unrecognized arguments: --bse ."),
        ([*GOOD, "--max-pair", "3"], "unrecognized arguments: --max-pair 3"),
        ([*GOOD, "--case", "psenet_sp_bs2"], "argument --case: 'psenet_sp_bs2' is not a case: <model>"),
        ([*GOOD, "--ocr-steps", "20"], "unrecognized arguments: --ocr-steps 20: options of pytest go after --"),
        ([*GOOD, "--case", CASE], f"argument --case: {CASE} is given more than once"),
        ([*GOOD, "--base", "rev:main"], "argument --base: ., rev:main: a side has one source of its code"),
        (["--base", "main", "--case", CASE], "argument --base: 'main' is not a side: for a revision write rev:main"),
        ([*GOOD, "--head", "tree:/no/such"], "argument --head: tree:/no/such: there is no such folder"),
        ([*GOOD, "--max-slowdown", "3"], "argument --max-slowdown: '3' is not a percentage above 0% and below 100%"),
        ([*GOOD, "--max-slowdown", "0.03"], "argument --max-slowdown: '0.03' is not a percentage above 0%"),
        ([*GOOD, "--max-slowdown", "3 %"], "argument --max-slowdown: '3 %' is not a percentage above 0%"),
        ([*GOOD, "--max-slowdown", "0%"], "argument --max-slowdown: '0%' is not a percentage above 0%"),
        ([*GOOD, "--max-slowdown", "100%"], "argument --max-slowdown: '100%' is not a percentage above 0%"),
        ([*GOOD, "--max-slowdown=-3%"], "argument --max-slowdown: '-3%' is not a percentage above 0%"),
        ([*GOOD, "--max-slowdown", "nan%"], "argument --max-slowdown: 'nan%' is not a percentage above 0%"),
        ([*GOOD, "--stored-drift", "5"], "argument --stored-drift: '5' is not a percentage from 0% to below 100%"),
        ([*GOOD, "--max-pairs", "1"], "argument --max-pairs: '1' is not a whole number from 2 to 200"),
        ([*GOOD, "--max-pairs", "201"], "argument --max-pairs: '201' is not a whole number from 2 to 200"),
        ([*GOOD, "--max-pairs", "x"], "argument --max-pairs: 'x' is not a whole number from 2 to 200"),
        ([*GOOD, "--budget", "0"], "argument --budget: '0' is not a number of minutes above 0"),
        ([*GOOD, "--budget", "nan"], "argument --budget: 'nan' is not a number of minutes above 0"),
        ([*GOOD, "--budget", "inf"], "argument --budget: 'inf' is not a number of minutes above 0"),
        ([*GOOD, "--seed=-1"], "argument --seed: '-1' is not a whole number from 0 to 4294967295"),
        ([*GOOD, "--name", "a/b"], "argument --name: 'a/b' is not a name: letters, digits and . _ + - of ASCII"),
        ([*GOOD, "--name", ".hidden"], "argument --name: '.hidden' is not a name"),
        ([*GOOD, "--name", "x" * 101], "is not a name: letters, digits"),
        ([*GOOD, "--name", ""], "argument --name: '' is not a name"),
        ([*GOOD, "--replays", "3"], "argument --replays: belongs to --self-test"),
        (["--self-test", "--replays", "0"], "argument --replays: '0' is not a whole number from 1 to 100000"),
        (["--self-test", "--case", CASE], "argument --self-test: takes --replays and --seed, and not --case"),
        ([*GOOD, "--", "--ocr-case", OTHER_CASE], "options after --: --ocr-case is set by the comparison itself"),
        ([*GOOD, "--", "--ocr-output=x"], "options after --: --ocr-output is set by the comparison itself"),
        ([*GOOD, "--", "-k", "psenet"], "options after --: -k changes which tests run"),
        ([*GOOD, "--", "20"], "options after --: '20' is not an option"),
        ([*GOOD, "--markdown", ""], "argument --markdown: '' is not a file in an existing folder"),
        ([*GOOD, "--markdown", "."], "argument --markdown: '.' is not a file in an existing folder"),
        ([*GOOD, "--markdown", "no/such/file"], "argument --markdown: 'no/such/file' is not a file in an existing"),
        ([*GOOD, "--output", ""], "argument --output: '' is not a folder; the current one is ."),
        ([*GOOD, "--", "-v", "--", "x"], "options after --: '--' is not an option"),
        ([*GOOD, "--output", "file"], "file/comparisons cannot be written: "),
        ([*GOOD, "--output", "x" * 300], "cannot be written: File name too long"),
        ([*GOOD, "--resume"], "argument --resume: there is no logs/comparisons/"),
        ([*GOOD, "--markdown", "x" * 300], "' cannot be written: File name too long"),
        ([*GOOD, "--head", "tree:~nosuch/x"], "argument --head: tree:~nosuch/x: there is no such home directory"),
        ([*GOOD, "--head", "stored:~nosuch/x"], "argument --head: stored:~nosuch/x: there is no such home directory"),
        ([*GOOD, "--head", "env:~nosuch/x"], "env:~nosuch/x: there is no such home directory"),
        ([*GOOD, "--", "--ocr-data", "~nosuch/x"], "--ocr-data ~nosuch/x: there is no such home directory"),
        ([*GOOD, "--name", "run_10.1.2.3"], "contains private data"),
        (
            ["--base", "rev:x", "--base", "case:crnn9_sp_bs2_fp32_cpu1", "--case", CASE],
            "argument --base: case:'crnn9_sp_bs2_fp32_cpu1' is not a case: unknown model",
        ),
        (["--base", f"case:{CASE}"], f"argument --case: --base case:{CASE} names the case of one side: name one, that"),
        (
            ["--base", f"case:{CASE}", "--case", CASE, OTHER_CASE],
            f"argument --case: --base case:{CASE} names the case of one side: name one, that of the other side",
        ),
        (
            ["--base", f"case:{CASE}", "--head", f"case:{OTHER_CASE}", "--case", CASE],
            f"argument --case: --base case:{CASE} and --head case:{OTHER_CASE} name the cases already: leave it out",
        ),
        (["--base", ".", "--case", "psenet_sp_bs8_fp32_1"], "argument --case: psenet_sp_bs8_fp32_1: needs 1 CUDA GPU"),
        (["--base", ".", "--case", CASE, "psenet_sp_bs8_fp32_1"], "do not run on the same device: compare them"),
        (
            ["--base", "stored:file", "--head", "stored:file", "--case", CASE],
            "argument --head: both sides are stored: there is nothing to measure",
        ),
        (
            ["--base", "stored:file", "--case", CASE, OTHER_CASE],
            "argument --case: a stored side is compared in one case at a time",
        ),
        (["--base", "stored:file", "--case", CASE], "stored:"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    Path("file").write_text("no document")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("python -m benchmarks.compare: error: ")
    assert message in last


def test_too_many_pairs_of_all_cases_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [f"psenet_sp_bs{batch}_fp32_cpu1" for batch in range(1, 12)]
    with pytest.raises(SystemExit):
        main(["--base", ".", "--case", *cases, "--max-pairs", "200"])
    assert "more than 1500 pairs of all cases together" in capsys.readouterr().err


def test_a_private_part_of_a_wrong_argument_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--base", "tree:/home/someone/\x1b[31mtree", "--case", CASE])
    error = capsys.readouterr().err
    assert "someone" not in error
    assert "\x1b" not in error


def test_defaults_are_those_of_the_help() -> None:
    given = parse(GOOD, parser())
    assert (given.head, given.max_slowdown, given.max_pairs, given.budget) == (["."], 0.03, 12, None)
    assert (given.stored_drift, given.strict, given.full, given.resume) == (0.05, False, False, False)
    text = parser().format_help()
    assert "python -m benchmarks.compare --base rev:main --head . --case psenet_sp_bs2_fp32_cpu1\n" in text
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize(("text", "fraction"), [("3%", 0.03), ("2.5%", 0.025), ("0.1%", 0.001), ("99%", 0.99)])
def test_a_slowdown_is_a_percentage(text: str, fraction: float) -> None:
    assert parse([*GOOD, "--max-slowdown", text], parser()).max_slowdown == pytest.approx(fraction)


def test_options_after_two_dashes_go_to_both_sides_and_the_rest_may_be_repeated() -> None:
    given = parse(
        [
            *("--base", "rev:main", "--base", "environ:A=1", "--case", CASE, "--case", OTHER_CASE, "--markdown"),
            *("--", "--ocr-steps", "20", "--", "x"),
        ],
        parser(),
    )
    assert given.base == ["rev:main", "environ:A=1"]
    assert given.case == [CASE, OTHER_CASE]
    assert given.markdown == "-"
    assert given.common_options == ["--ocr-steps", "20", "--", "x"]


def test_the_self_test_has_replays_and_a_seed() -> None:
    assert parse(["--self-test"], parser()).replays == 1000
    given = parse(["--self-test", "--replays", "7", "--seed", "3"], parser())
    assert (given.replays, given.seed) == (7, 3)


def test_a_document_of_all_pairs_can_be_read_again(tmp_path: Path) -> None:
    run = structs.replace(compared.run(9.123456789), run_id="a" * 32, reasons=["other programs used 1.50 of 2 cores"])
    run = structs.replace(
        run, artifact="n" * 100 + ".runs/20260102T000000Z" + f"/{CASE}" * 2 + "/10_2_base/index/speed"
    )
    pairs = [compared.pair(number, base=run, head=run) for number in range(1, MAX_PAIRS_OF_ALL + 1)]
    files.write(tmp_path / "a.json", compared.comparison(compared.case(pairs=pairs)))
    assert (tmp_path / "a.json").stat().st_size < 0.75 * MAX_BYTES  # some runs have more reasons
