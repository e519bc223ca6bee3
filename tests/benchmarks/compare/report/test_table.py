"""The result as text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from benchmarks.compare.document import Difference
from benchmarks.compare.judging.percentages import percent
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
    assert "rests on: samples per second (wall clock), 1 stored and 5 new runs" in done
    assert "widened by 5 % at both ends for what the machine has changed since (--stored-drift)" in done
    for promise in ("pairs of fresh runs", "random order", "a probability", "together", "pair to pair"):
        assert promise not in done


def test_the_overview_names_both_sides_with_their_versions() -> None:
    done = lines(head=structs.replace(comparison().head, versions={"python": "3.12", "torch": "2.14"}))
    assert done[:2] == ["base: main (3f2a91c)", "head: working tree; python 3.12, torch 2.14"]
    assert "machine:   cpu a CPU, cores 2" in done
    assert "measured:  2026-01-02 00:00 to 00:00 UTC, 5 min of runs" in done


def test_versions_of_both_sides_are_said_once() -> None:
    versions = {"python": "3.12", "torch": "2.14"}
    base, head = (structs.replace(side, versions=versions) for side in (comparison().base, comparison().head))
    assert lines(base=base, head=head)[:3] == [
        *("base: main (3f2a91c)", "head: working tree", "both: python 3.12, torch 2.14")
    ]


def test_the_break_of_a_resumed_comparison_is_in_its_times() -> None:
    done = lines(updated_at=comparison().started_at + timedelta(days=1, hours=2))
    assert "measured:  2026-01-02 00:00 to 2026-01-03 02:00 UTC, 5 min of runs" in done


def test_differences_changes_and_remarks_are_below_the_table() -> None:
    changed = [Difference(field="details.loss_last.loss", base="0.61", head="0.7")]
    differs = [Difference(field="details.environment.torch", base="2.13", head="2.14")]
    done = lines(case(training_changes=changed, differences=differs, remarks=["a remark"]))
    below = [
        " ".join(line.split()) for line in done[done.index("psenet_sp_bs2_fp32_cpu1: slower, perhaps within 3 %") :]
    ]
    assert below[1] == "verdict: head is 5.0 % slower than base"
    assert below[4].startswith("WARNING: the sides compute different things: loss_last.loss: 0.61 -> 0.7")
    assert below[5:8] == ["differs: torch: 2.13 -> 2.14", "note: a remark", ""]


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ("quiet", "the machine was disturbed in 0 of the first 5, so CPU seconds decide nothing"),
        ("disturbed", "the machine was disturbed in 5 of the first 5, so CPU seconds count as well"),
    ],
)
def test_what_a_verdict_rests_on_has_a_reason(machine: str, reason: str) -> None:
    done = lines(case(pairs=[pair(number, base=run(10.0, machine=machine)) for number in range(1, 6)]))
    (line,) = [line for line in done if "rests on" in line]
    assert line == f"  rests on: samples per second (wall clock), 5 pairs; {reason}"


def test_sides_that_differ_in_nothing_are_said_to() -> None:
    done = lines(base=comparison().head)
    assert "  differs:  nothing that is known" in done


def test_many_changes_of_what_is_computed_are_counted() -> None:
    changed = [Difference(field=f"details.loss_last.{number}", base="1", head="2") for number in range(5)]
    (line,) = [line for line in lines(case(training_changes=changed)) if "WARNING" in line]
    assert "loss_last.2: 1 -> 2, and 2 more in the document. Faster" in line
    assert "loss_last.3" not in line


def test_a_failed_case_shows_no_change() -> None:
    done = lines(case(verdict=verdict("failed", rests_on=[], sentence="head failed in pair 2: killed")))
    assert not [line for line in done if "how sure" in line or "rests on" in line]
    (row,) = [line for line in done if line.startswith("psenet") and line.endswith("failed") and "  -  " in line]
    assert "(-7.0 to" not in row


def test_the_level_of_the_intervals_is_said() -> None:
    (sure,) = [line for line in lines() if "how sure" in line]
    assert "98 % interval each time it is judged, 95 % all 3 times together; noise from pair to pair: 2 % in" in sure


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
    assert [duration(value) for value in (45.4, 89, 300, 3900)] == ["45 s", "1 min 29 s", "5 min", "1 h 05 min"]
    assert [listed(words) for words in ([5], [5, 8], [5, 8, 12])] == ["5", "5 and 8", "5, 8 and 12"]
