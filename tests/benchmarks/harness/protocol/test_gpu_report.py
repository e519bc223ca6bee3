"""How the report of a GPU reaches its rank."""

from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from benchmarks.harness.protocol.events import Finished
from benchmarks.harness.protocol.gpu_report import Spread, await_gpu_report, energy_fits, reason_names, write_gpu_report
from samples import gpu_report, rank_result


def test_a_rank_waits_for_the_report_of_its_gpu(tmp_path: Path) -> None:
    report = gpu_report(rank=3)
    writer = threading.Timer(0.05, write_gpu_report, (tmp_path, 3, report))
    writer.start()
    assert await_gpu_report(tmp_path, 3, 60.0) == report
    assert await_gpu_report(tmp_path, 2, 0.0) is None


def test_a_rank_does_not_wait_if_there_will_be_no_report(tmp_path: Path) -> None:
    write_gpu_report(tmp_path, 3, None)
    began = time.monotonic()
    assert await_gpu_report(tmp_path, 3, 60.0) is None
    assert time.monotonic() - began < 30.0


@pytest.mark.parametrize("written", ["", "{", "{}", '{"rank": -1}', "\x00"])
def test_what_is_no_report_counts_as_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "gpu0.json").write_text(written)
    assert await_gpu_report(tmp_path, 0, 0.0) is None


def test_the_report_travels_with_the_result_of_the_rank() -> None:
    """To the other ranks as a pickle, to the pytest process of each node as JSON."""
    result = structs.replace(rank_result(), gpu=gpu_report())
    gathered = pickle.loads(pickle.dumps(result))
    read_back = msgspec.json.decode(msgspec.json.encode(Finished(gathered)), type=Finished)
    assert read_back.result.gpu == gpu_report()


def test_the_names_of_bits() -> None:
    assert reason_names(0) == {}
    assert reason_names(0x8000_0000_0000_0044) == {
        0x4: "sw_power_cap",
        0x40: "hw_thermal_slowdown",
        2**63: "unknown_0x8000000000000000",
    }


def test_energy_fits_the_power_within_a_factor_of_two() -> None:
    power = Spread(200.0, 300.0, 400.0)
    assert [energy_fits(watts, power) for watts in (99.0, 101.0, 799.0, 801.0)] == [False, True, True, False]
    assert energy_fits(1e9, None)
