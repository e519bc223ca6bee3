"""Numbers as the page shows them."""

from __future__ import annotations

import pytest

from benchmarks.harness.report.page.quantities import bandwidth, count, flops, prefixed, unit_of


@pytest.mark.parametrize(("value", "text"), [(67.0, "67"), (1.5, "1.500"), (1234.0, "1,234"), (float("inf"), "-")])
def test_a_whole_number_of_things_has_no_point(value: float, text: str) -> None:
    assert count(value) == text


@pytest.mark.parametrize(
    ("teraflops", "text"),
    [(312.0, "312.0 TFLOP/s"), (0.118, "118.0 GFLOP/s"), (0.0007476, "747.6 MFLOP/s"), (0.0, "0.000 MFLOP/s")],
)
def test_a_rate_has_the_prefix_that_suits_it(teraflops: float, text: str) -> None:
    assert flops(teraflops) == text


def test_a_rate_of_bytes_does_too() -> None:
    assert [bandwidth(value) for value in (3.35, 0.0123)] == ["3.350 TB/s", "12.30 GB/s"]


def test_a_prefix_has_its_factor() -> None:
    assert [prefixed(value) for value in (1.0, 0.5, 1e-4)] == [("T", 1.0), ("G", 1e3), ("M", 1e6)]


def test_one_unit_has_one_spelling() -> None:
    assert [unit_of(unit) for unit in ("samples/sec", "images/s", "MiB")] == ["samples/s", "images/s", "MiB"]
