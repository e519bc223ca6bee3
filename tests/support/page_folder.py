"""Output folders with made-up artifacts, for the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import profile
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.measurements import MEASUREMENTS
from memory_runs import memory_artifact, memory_report, memory_run
from profiles import profiled_run
from samples import (
    CONVERGENCE_CASE,
    KILLED,
    converged_run,
    convergence_artifact,
    document,
    speed_artifact,
    step_record,
)
from searches import above, artifact_of, searched

HOSTILE = '<script>alert("x")</script> \u202e\u2028 | `x` $& end'
"""What a message may have: markup, a character that reverses the text, one that ends a line of a script."""


def put(output: Path, measurement: str, artifact: Header, changes: Mapping[str, Any] | None = None) -> Path:
    """The artifact of a case in an output folder, as a run leaves it, some of its fields changed."""
    plain = document(artifact, changes)
    name = MEASUREMENTS[measurement].form.file_name(Path(plain["log_file"]).name.removesuffix(f"_{measurement}"))
    path = output / "index" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain))
    return path


def put_steps(output: Path, log_name: str, ranks: int = 1, steps: int = 8) -> None:
    """Step records of a case with two warm-up steps, of which the last but one takes long."""
    lines = [
        json.dumps({"rank": rank} | msgspec.to_builtins(_step(rank, index, steps)))
        for rank in range(ranks)
        for index in range(1, steps + 1)
    ]
    folder = output / "train_log"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{log_name}.steps.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _step(rank: int, index: int, steps: int) -> Any:
    seconds = 2.0 if index == steps - 1 else 0.5 + rank / 10
    return step_record(index, warmup=index <= 2, seconds=seconds, loss=1 / index)


def put_session(output: Path) -> None:
    """Good, failed and disturbed cases, one with several processes, a convergence, and files that are no artifacts."""
    put(output, "speed", speed_artifact("psenet_sp_bs2_fp32_cpu1"))
    put_steps(output, "ocr_PSENet_sp_bs2_fp32_cpu1")
    mp = speed_artifact("psenet_mp_bs4_fp32_cpu2", folder=output / "index")
    put(output, "speed", mp)
    put_steps(output, "ocr_PSENet_mp_bs4_fp32_cpu2", ranks=2)
    reasons = {"details.machine.verdict": "disturbed", "details.machine.reasons": ["other programs used 1 of 2 cores"]}
    long_word = {"details.data.excluded": {"/a/folder/with/a/long/name" * 9: 1}}
    put(output, "speed", speed_artifact("psenet_sp_bs8_bf16_1"), reasons | long_word)
    put(output, "speed", speed_artifact("psenet_sp_bs16_fp32_1", failure=Failure("exception", HOSTILE, 0)))
    (output / "train_log" / "ocr_PSENet_sp_bs16_fp32_1").write_text(f"first line\n{HOSTILE}\nlast line\n")
    put(output, "speed", speed_artifact("dbr18_sp_bs2_fp32_cpu1", failure=KILLED))
    put(
        output,
        "convergence",
        convergence_artifact(converged_run(output, CONVERGENCE_CASE)),
    )
    (output / "index" / "notes.txt").write_text("no artifact")
    (output / "index" / "<b>_speed").write_text("{")


def put_other_measurements(output: Path) -> None:
    """A memory case, a profile and a search for the largest batch."""
    case = "psenet_sp_bs8_bf16_1"
    put(output, "memory", memory_artifact(memory_run(case, memory_report(on_gpu=True, samples=8))))
    put(
        output, "profile", profile.build(profiled_run(case), Path("train_log/ocr_PSENet_sp_bs8_bf16_1_profile"), output)
    )
    put(output, "largest_batch", artifact_of(searched(above(20))))
