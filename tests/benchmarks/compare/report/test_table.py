"""The result as text."""

from __future__ import annotations

import pytest
from msgspec import structs

from benchmarks.compare.document import Difference
from benchmarks.compare.judging.sentences import percent
from benchmarks.compare.report.table import result_lines
from benchmarks.compare.report.wording import change, duration, interval, listed
from compared import case, comparison, pair, run, verdict
from compared import interval as ratio_interval


def lines(*cases: object, **changed: object) -> list[str]:
    return result_lines(comparison(*cases, **changed))  # type: ignore[arg-type]


def test_a_row_has_the_figures_of_its_case() -> None:
    done = lines()
    heading = next(index for index, line in enumerate(done) if line.startswith("case "))
    assert done[heading].split("  ")[0] == "case"
    cells = [cell.strip() for cell in done[heading + 1].split("  ") if cell.strip()]
    assert cells == [
        *("psenet_sp_bs2_fp32_cpu1", "10.000", "9.500", "-5.0 % (-7.0 to -3.0)", "-4.0 % (-5.0 to -3.0)", "5"),
        "slower, perhaps within 3 %",
    ]


@pytest.mark.parametrize(("high", "word"), [(0.96, "slower"), (0.995, "slower, perhaps within 3 %")])
def test_a_slow_down_that_may_be_allowed_is_marked(high: float, word: str) -> None:
    done = lines(case(verdict=verdict(wall=ratio_interval(0.95, 0.94, high))))
    assert any(line.endswith(f"  {word}") for line in done)
    assert f"psenet_sp_bs2_fp32_cpu1: {word}" in done


def test_a_comparison_with_a_stored_side_is_not_described_as_a_paired_one() -> None:
    stored = structs.replace(comparison().base, kind="stored", stored_runs=1)
    done = "\n".join(" ".join(line.split()) for line in lines(base=stored))
    assert "fresh runs of the head alone, at most 12, compared with 1 stored run, not measured in turns" in done
    assert "rests on: throughput (wall clock), 1 stored and 5 new runs" in done
    assert "if the machine has changed by no more than 5 % since" in done
    for promise in ("pairs of fresh runs", "random order", "error probability", "err with"):
        assert promise not in done


def test_the_overview_names_both_sides_with_their_versions() -> None:
    done = lines(head=structs.replace(comparison().head, versions={"python": "3.12", "torch": "2.14"}))
    assert "base:      main (3f2a91c)" in done
    assert "head:      working tree; python 3.12, torch 2.14" in done
    assert "machine:   cpu a CPU, cores 2" in done
    assert "measured:  2026-01-02 00:00 UTC, 5 min of runs" in done


def test_differences_changes_and_remarks_are_below_the_table() -> None:
    changed = [Difference(field="details.loss_last.loss", base="0.61", head="0.7")]
    differs = [Difference(field="details.environment.torch", base="2.13", head="2.14")]
    done = lines(case(training_changes=changed, differences=differs, remarks=["a remark"]))
    below = [
        " ".join(line.split()) for line in done[done.index("psenet_sp_bs2_fp32_cpu1: slower, perhaps within 3 %") :]
    ]
    assert below[1:3] == ["verdict: head is 5.0 % slower than base", "rests on: throughput (wall clock), 5 pairs"]
    assert below[4].startswith("WARNING: the sides compute different things: details.loss_last.loss: 0.61 -> 0.7")
    assert below[5:] == ["differs: details.environment.torch: 2.13 -> 2.14", "note: a remark"]


def test_the_level_of_the_intervals_is_said() -> None:
    (sure,) = [line for line in lines() if "how sure" in line]
    assert "98 % interval; all looks together err with 5 %; a pair varies by 2 % in throughput and 0.5 % in CPU" in sure


def test_repeated_pairs_and_an_unfinished_verdict_are_marked() -> None:
    pairs = [pair(1, counted=False), pair(1, 2), pair(2)]
    done = lines(case(pairs=pairs, verdict=verdict("cannot tell"), finished=False, stopped_by="interrupted"))
    assert any(line.endswith("2 (1 repeated)  cannot tell, unfinished") for line in done)


def test_figures_that_are_not_known_are_a_dash() -> None:
    failed = verdict("failed", wall=None, cpu=None, rests_on=[])
    pairs = [pair(1, head=run(None))]
    done = lines(case(pairs=pairs, verdict=failed, base_samples_per_second=None, head_samples_per_second=None))
    (row,) = [line for line in done if line.startswith("psenet") and "failed" in line and "-" in line]
    assert row.split() == ["psenet_sp_bs2_fp32_cpu1", "-", "-", "-", "-", "1", "failed"]


def test_two_cases_are_one_step() -> None:
    done = lines(case(head_case="psenet_sp_bs2_bf16_cpu1"))
    assert any(line.startswith("psenet_sp_bs2_fp32_cpu1 -> psenet_sp_bs2_bf16_cpu1") for line in done)


def test_figures_in_words() -> None:
    assert [percent(value) for value in (0.03, 0.025, 0.9781)] == ["3 %", "2.5 %", "97.8 %"]
    assert [change(value) for value in (0.949, 1.0, 1.0004, 0.9996, 1.1)] == [
        *("-5.1 %", "0.0 %", "0.0 %", "0.0 %", "+10.0 %")
    ]
    assert interval(ratio_interval(1.01, 0.99, 1.03)) == "+1.0 % (-1.0 to +3.0)"
    assert interval(ratio_interval(1.5, 0.02, 1e12)) == "+50 % (-98 to more than +1000)"
    assert [duration(value) for value in (45.4, 89, 300, 3900)] == ["45 s", "89 s", "5 min", "1 h 05 min"]
    assert [listed(words) for words in ([5], [5, 8], [5, 8, 12])] == ["5", "5 and 8", "5, 8 and 12"]
