"""The key of the hardware and the driver."""

from __future__ import annotations

from benchmarks.harness.results.machine_key import differing, machine_key, not_compared
from samples import document, speed_artifact

GPU_CASE = "psenet_mp_bs16_fp32_2"


def test_a_gpu_case_adds_the_gpu_and_the_driver_but_not_how_many_it_uses() -> None:
    changes = {"details.device": "NVIDIA H100 80GB HBM3", "details.environment.driver": "580.1"}
    key = machine_key(document(speed_artifact(GPU_CASE), changes)["details"])
    assert key == {
        "device": "gpu",
        "cpu": "1",
        "cores": "2",
        "gpu": "NVIDIA H100 80GB HBM3",
        "driver": "580.1",
    }


def test_details_of_old_revisions_have_a_shorter_key() -> None:
    assert machine_key({"environment": {"cpu": "a", "cores": 4}}) == {"cpu": "a", "cores": "4"}
    assert machine_key({}) == machine_key(None) == {}


def test_differing_fields_are_named_with_both_values() -> None:
    there = {"device": "cpu", "cpu": "AMD EPYC 7B13", "cores": "4", "memory": "16 GiB"}
    here = {"device": "cpu", "cpu": "Intel Xeon", "cores": "4", "driver": "1"}
    assert differing(there, here) == ["cpu: AMD EPYC 7B13 there, Intel Xeon here"]
    assert not_compared(there, here) == ["memory", "driver"]
