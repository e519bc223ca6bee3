from __future__ import annotations

import io
from pathlib import Path

from benchmarks.harness.records import StepRecord
from benchmarks.harness.train_log import TrainLog, format_step

RECORD = StepRecord(12, False, 0.75, 0.001234, 0.693147, 8, {"loss": 0.512345, "loss_text": 0.4})


def test_the_line_is_the_contracts() -> None:
    assert format_step(RECORD, 60, 1e-3) == (
        "step: 12/60 loss: 0.512345 lr: 0.001000 avg_reader_cost: 0.001234 s, avg_batch_cost: 0.693147 s, "
        "avg_samples: 8.0, ips: 11.541563 samples/sec"
    )


def test_every_line_is_redacted_and_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    with TrainLog(path, lambda line: line.replace("secret", "***")) as log:
        log.copy(io.BytesIO(b"a secret\r\nb\xff\nhalf a line"))
        assert path.read_text() == "a ***\nb\N{REPLACEMENT CHARACTER}\nhalf a line\n"
        assert log.ended.is_set()
        assert log.failure is None


def test_a_full_disk_is_told_and_blocks_nobody() -> None:
    """/dev/full takes no byte."""
    with TrainLog(Path("/dev/full"), str) as log:
        stream = io.BytesIO(b"line\n" * 100_000)
        log.copy(stream)
        assert stream.read() == b""
    assert log.failure is not None
    assert log.failure.kind == "output"
    assert "No space left on device" in log.failure.message
