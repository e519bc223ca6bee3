"""Memory cases on a device that computes nothing: what its allocator has given out is real."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from artifacts import read_artifact
from benchmarks.harness.protocol.memory_report import PeakMoment, TensorBytes
from benchmarks.harness.results.memory_shares import shares_of
from benchmarks.harness.results.redaction import redact
from suite import RunPytest
from tests.nullcuda.conftest import OnDevice

SIDE = 64
PARTS = ("forward", "backward", "optimizer")


def texts(value: Any) -> Iterator[str]:
    """All texts in a tree, names of fields left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


def check_snapshot(path: Path) -> dict[str, Any]:
    """What memory_viz needs is there, and nothing private is."""
    found: dict[str, Any] = pickle.loads(path.read_bytes())
    (trace,) = (each for each in found["device_traces"] if each)
    assert {"alloc", "free_requested", "free_completed"} <= {each["action"] for each in trace}
    assert found["segments"]
    for text in set(texts(found)):
        assert not text.startswith("/"), text
        assert redact(text) == text
    files = {frame["filename"] for entry in trace for frame in entry.get("frames", ())}
    assert "benchmarks/harness/worker/trainer.py" in files
    return found


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_parts_of_a_step_explain_its_peak(
    on_device: OnDevice, image_folder: Path, tmp_path: Path, precision: str
) -> None:
    path = tmp_path / "x.snapshot.pickle"
    found = on_device("memory:parts", f"psenetr18_sp_bs4_{precision}_1", str(image_folder), SIDE, str(path))
    tensors, moment = convert(found["tensors"], TensorBytes), convert(found["moment"], PeakMoment)
    assert tensors.gradients == tensors.parameters  # all are trained, in fp32
    assert abs(moment.step_peak_bytes - found["peak"]) < 2**16  # the observed step is the same as an undisturbed one
    assert found["reserved"] >= found["peak"]
    shares = shares_of(found["peak"], tensors, moment, None)
    assert shares.activations is not None
    assert shares.activations > 2**20
    assert shares.other < found["peak"] / 2
    before, forward = (found["step"][name]["allocated_bytes"] for name in ("before_step", "forward"))
    exact = tensors.parameters + tensors.buffers + tensors.optimizer_state + tensors.batch
    assert exact <= before < exact + 2**26  # and the workspace of cuBLAS
    assert forward - before >= shares.activations > 0 or moment.part == "forward"
    before_peak, *peaks = (found["step"][name]["peak_bytes"] for name in ("before_step", *PARTS))
    assert max(peaks) == pytest.approx(found["peak"], abs=2**16)
    assert before_peak < peaks[2] < peaks[1]  # each part has its own: it is reset before
    assert len(found["moments"]) > 150  # layers and gradients
    whole, half = found["batch_peaks"]
    assert (whole["samples"], half["samples"], found["notes"]) == (4, 2, [None, None])
    assert abs(whole["peak_bytes"] - found["peak"]) < 2**16
    assert found["peak"] - exact > whole["peak_bytes"] - half["peak_bytes"] > 0
    assert found["snapshot"]["entries"] == sum(len(each) for each in check_snapshot(path)["device_traces"])
    assert found["events"]["run_alloc_retries"] == 0


def test_two_processes_leave_an_artifact_and_a_snapshot(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path, device_variables: Callable[..., dict[str, str]]
) -> None:
    """From pytest's options to the gate: all ranks take the same steps, one of which writes the snapshot."""
    case, name = "tinyfixed_mp_bs8_fp16_2", "ocr_TinyFixed_mp_bs8_fp16_2"
    given = ("--ocr-case", case, "--ocr-data", image_folder, "--ocr-output", tmp_path)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / f"{name}_memory.snapshot.pickle").write_text("of an earlier run")
    outcome = run_pytest("benchmarks/test_memory.py", *given, **device_variables(NULLCUDA_DEVICES="2"))
    assert outcome.code == 0, outcome.text
    document = read_artifact(tmp_path, name, "memory")
    details = document["details"]
    assert document["FINAL_RESULT"] == round(max(each["peak_bytes"] for each in details["ranks"]) / 2**20, 3)
    assert (len(details["ranks"]), details["memory_of"], details["peak_source"]) == (2, "device", "allocator")
    assert details["peak_memory_bytes"] == details["peak_bytes"]
    assert details["shares"]["gradients"] == details["tensors"]["gradients"] > 0  # in buckets, which stay
    assert details["bytes_per_sample"] > 0
    check_snapshot(tmp_path / "index" / details["snapshot"]["file"])
