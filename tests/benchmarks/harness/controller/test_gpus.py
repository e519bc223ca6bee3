"""Which GPUs a process would see. The driver is a fake, because the machine may have none."""

from __future__ import annotations

import pynvml
import pytest

from benchmarks.cases import parse_case
from benchmarks.harness.controller import gpus
from fake_nvml import NOT_FOUND, FakeNvml

UUIDS = ("GPU-8932f937-d72c", "GPU-8932ffff-aaaa", "GPU-0a", "GPU-0b")


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver = FakeNvml(monkeypatch)
    driver.answers |= {
        "Count": lambda: 4,
        "UUID": lambda handle: UUIDS[handle] if handle < 4 else f"MIG-{handle:x}-1",
        "HandleByUUID": lambda _: driver.refuse(NOT_FOUND),
    }
    return driver


@pytest.fixture
def partitioned(four_gpus: FakeNvml) -> FakeNvml:
    """Two partitions on each of the four GPUs."""

    def partition(card: int, index: int) -> int:
        return 16 * (card + 1) + index if index < 2 else int(four_gpus.refuse(NOT_FOUND))

    four_gpus.answers |= {
        "MigMode": lambda _: [1, 1],
        "MaxMigDeviceCount": lambda _: 7,
        "MigDeviceHandleByIndex": partition,
    }
    return four_gpus


def count(monkeypatch: pytest.MonkeyPatch, visible: str | None) -> int:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    return gpus.cuda_gpu_count()


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, 4),
        ("", 0),
        ("2", 1),
        ("0,3", 2),
        (" 0 , 3 ", 2),
        ("0,7,1", 1),  # CUDA ignores the first that does not exist and all after it
        ("-1", 0),
        ("0,0", 1),
        ("\N{SUPERSCRIPT TWO}", 0),
        ("9" * 5000, 0),
        ("NoDevFiles", 0),
        ("GPU-8932f937-d72c,GPU-0a", 2),
        ("GPU-8932f9,GPU-0", 1),  # the beginning of a UUID is enough if no other GPU has it
        ("GPU-8932", 0),
        ("GPU-ffff", 0),
        ("MIG-10-1", 0),  # there are no partitions
    ],
    ids=lambda value: str(value)[:30],
)
def test_visible_gpus_are_counted_as_cuda_does(
    visible: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert count(monkeypatch, visible) == expected


@pytest.mark.usefixtures("partitioned")
@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, 1),
        ("", 0),
        ("MIG-10-1", 1),
        ("MIG-10-1,MIG-11-1", 1),
        ("MIG-10-1,0", 1),
        ("0,MIG-10-1", 1),
        ("MIG-1", 0),
        ("MIG-20", 1),
        ("MIG-99", 0),
    ],
)
def test_a_process_sees_one_partition(visible: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert count(monkeypatch, visible) == expected


def test_a_partition_by_its_older_name(partitioned: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    partitioned.answers["HandleByUUID"] = lambda uuid: 16 if uuid == "MIG-GPU-0a/1/0" else partitioned.refuse()
    assert count(monkeypatch, "MIG-GPU-0a/1/0") == 1


def test_whole_gpus_count_where_others_are_divided(partitioned: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    partitioned.answers["MigMode"] = lambda card: [int(card == 0), 0]
    assert count(monkeypatch, None) == 3


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert gpus.cuda_gpu_count() == 0


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("case", "nodes", "reason"),
    [
        ("psenet_sp_bs8_fp32_1", 1, None),
        ("psenet_mp_bs64_fp32_8", 1, "needs 8 CUDA GPUs, found 4"),
        ("psenet_mp_bs64_fp32_8", 2, None),
        ("psenet_mp_bs64_fp32_16", 2, "needs 8 CUDA GPUs a node, found 4"),
        ("psenet_mp_bs64_fp32_8", 3, "8 processes cannot be divided among 3 nodes"),
        ("psenet_mp_bs4_fp32_cpu2", 1, None),
    ],
)
def test_the_gpus_that_a_case_misses_are_counted(case: str, nodes: int, reason: str | None) -> None:
    assert gpus.missing_gpus(parse_case(case), nodes) == reason
