"""The result as GitHub Markdown."""

from __future__ import annotations

import pytest
from msgspec import structs

from benchmarks.compare.document import Difference
from benchmarks.compare.report.markdown import MAX_CHARACTERS, page
from benchmarks.harness.report.markdown import escape
from compared import case, comparison, pair, run


def test_the_page_has_the_verdict_the_table_and_the_folded_pairs() -> None:
    lines = page(comparison()).splitlines()
    assert lines[0] == "## working tree compared with main (3f2a91c): slower, perhaps within 3 %"
    assert lines[2].startswith("| case | base samples/s | head samples/s | ")
    assert lines[3] == "| --- | ---: | ---: | --- | --- | ---: | --- |"
    assert lines[4].startswith("| psenet_sp_bs2_fp32_cpu1 | 10.000 | 9.500 | -5.0 % (-7.0 to -3.0) |")
    begin, end = lines.index("<details>"), lines.index("</details>")
    assert lines[begin + 1] == "<summary>Pairs of psenet_sp_bs2_fp32_cpu1</summary>"
    assert lines[begin + 2] == ""  # else GitHub shows the table as text
    rows = [line for line in lines[begin:end] if line.startswith("| ")]
    assert rows[2] == "| 1 | base, head | 10.000 | 9.500 | -5.0 % | -5.0 % | quiet, quiet | yes |"
    assert len(rows) == 2 + 5


def test_a_change_of_the_training_is_bold() -> None:
    changed = [Difference(field="loss", base="0.61", head="0.7")]
    (warning,) = [line for line in page(comparison(case(training_changes=changed))).splitlines() if "WARNING" in line]
    assert warning.startswith("- **⚠ WARNING: the sides compute different things: loss: 0.61 -> 0.7.")
    assert warning.endswith("**")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a&#124;b"),
        ("<img src=x>", "&#60;img src=x>"),
        ("`code` *bold* _x_", "&#96;code&#96; &#42;bold&#42; &#95;x&#95;"),
        ("a_b __c d_", "a_b &#95;&#95;c d&#95;"),
        ("[a](b)", "&#91;a&#93;(b)"),
        ("a\nb", "a&#92;nb"),
        ("&lt;", "&#38;lt;"),
        ("@someone #12", "&#64;&#8203;someone &#35;&#8203;12"),
        ("$x$ ~y~", "&#36;x&#36; &#126;y&#126;"),
    ],
)
def test_text_has_no_meaning_for_markdown(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_every_text_is_escaped() -> None:
    evil = "</details>|<script>"
    made = comparison(
        case(
            remarks=[evil],
            differences=[Difference(field=evil, base=evil, head=evil)],
            training_changes=[Difference(field=evil, base=evil, head=evil)],
        ),
        head=structs.replace(comparison().head, title=evil, versions={"torch": evil}),
        machine={"cpu": evil},
    )
    text = page(made)
    assert "<script>" not in text
    assert text.count("</details>") == 1
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in table[:3]} == {8}


def test_a_repeated_pair_says_so() -> None:
    made = page(comparison(case(pairs=[pair(1, base=run(machine="disturbed"), counted=False), pair(1, 2)])))
    assert "| 1 | base, head | 10.000 | 9.500 | -5.0 % | -5.0 % | disturbed, quiet | no: repeated |" in made
    assert "| 1, attempt 2 | base, head |" in made


def test_a_page_that_is_too_long_for_a_comment_leaves_the_pairs_out() -> None:
    made = page(comparison(case(pairs=[pair(number) for number in range(1, 1200)])))
    assert len(made) < MAX_CHARACTERS
    assert "The pairs are in the comparison document; they are too many for this page." in made
