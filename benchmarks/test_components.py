"""The parts beside and inside the training step, each by itself: `pytest benchmarks -m components`.

Each is timed in turns with a yardstick on the same machine; the table at the end holds their ratios against what is
aimed at. A missed aim fails nothing: a machine that is busy or unlike others is no defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.harness.replay import ReplayClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.harness.comparison import Bound, Work
    from benchmarks.harness.settings import Settings

    Compare = Callable[..., None]
    Report = Callable[[str, float, Bound, float, Sequence[float]], None]

pytestmark = pytest.mark.components

CLOCK = ReplayClock()
ORIGINAL_SIZE = (720, 1280)
MIN_AREA = 16


@pytest.fixture
def report(benchmark: Any, comparisons: list[Any]) -> Report:
    """`report(what, ratio, bound, target, seconds)`: a row of the last table; pytest-benchmark shows the seconds."""
    from benchmarks.harness.comparison import Comparison

    def run(what: str, ratio: float, bound: Bound, target: float, seconds: Sequence[float]) -> None:
        comparisons.append(Comparison(what, ratio, target, bound))
        benchmark.extra_info.update(ratio=ratio, target=target, bound=bound)
        CLOCK.replay(benchmark, seconds)

    return run


@pytest.fixture
def compare(report: Report) -> Compare:
    """`compare(what, work, yardstick, bound, target, rounds=n)`: time both in turns, and report the ratio of their
    times, or of their speeds unless it is to be "at most" something."""
    from benchmarks.harness.comparison import ratio_of_medians, timed_in_turns

    def run(what: str, work: Work, yardstick: Work, bound: Bound, target: float, *, rounds: int) -> None:
        own, other = timed_in_turns(work, yardstick, rounds=rounds)
        ratio = ratio_of_medians(own, other) if bound == "at most" else ratio_of_medians(other, own)
        report(what, ratio, bound, target, own)

    return run


@pytest.fixture(scope="session")
def data_folder(ocr_settings: Settings) -> Path:
    from ocr_models.data.synthetic import synthetic_set

    return ocr_settings.data or synthetic_set()


@pytest.fixture
def one_thread() -> Any:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    yield
    cv2.setNumThreads(before)


@pytest.mark.benchmark(group="loader", timer=CLOCK)
def test_loading_samples(data_folder: Path, one_thread: None, compare: Compare) -> None:
    """Samples of 736 pixels in one thread, beside `cv2.imread` of the same images."""
    import cv2

    from ocr_models.data.icdar2015 import read_annotated_set
    from ocr_models.psenet.dataset import PSENetDataset

    images = read_annotated_set(data_folder).images[:20]
    dataset = PSENetDataset(images, image_size=736, seed=0)

    def load() -> None:
        for index in range(len(images)):
            dataset[index, index]

    def read() -> None:
        for image in images:
            cv2.imread(str(image.path))

    compare("time of a sample over cv2.imread's", load, read, "at most", 2.5, rounds=8)


@pytest.mark.benchmark(group="loss", timer=CLOCK)
def test_loss(compare: Compare) -> None:
    """Forward and backward of logits (8, 7, 736, 736), beside the plain implementation."""
    import torch

    from benchmarks.pages import text_maps
    from benchmarks.plain.step import plain_losses
    from ocr_models.psenet import PSENetLoss

    text, kernels, mask = text_maps(8, 736)
    given = tuple(torch.from_numpy(maps) for maps in (text, kernels, mask))
    as_bool, as_int64 = tuple(maps.bool() for maps in given), tuple(maps.long() for maps in given)
    logits = torch.randn(8, 7, 736, 736, generator=torch.Generator().manual_seed(0), requires_grad=True)
    criterion = PSENetLoss()

    def backward(losses: dict[str, torch.Tensor]) -> None:
        logits.grad = None
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()

    compare(
        "time of the loss over the plain one's",
        lambda: backward(criterion(logits, *as_bool)),
        lambda: backward(plain_losses(logits, *as_int64)),
        "at most",
        0.25,
        rounds=5,
    )


@pytest.mark.parametrize("page", ["sparse", "dense"])
@pytest.mark.benchmark(group="expansion", timer=CLOCK)
def test_expansion(page: str, compare: Compare) -> None:
    """Seven 736x1312 kernel maps to one label per text."""
    import numpy as np

    from benchmarks.pages import PAGES
    from benchmarks.plain.boxes import plain_expansion
    from ocr_models.psenet.expansion import expand_kernels

    kernels = (PAGES[page].logits() > 0).astype("uint8")
    kernels *= kernels[0]
    assert np.array_equal(expand_kernels(kernels, MIN_AREA), plain_expansion(kernels, MIN_AREA))
    compare(
        f"time of the expansion over the plain one's, {page} page",
        lambda: expand_kernels(kernels, MIN_AREA),
        lambda: plain_expansion(kernels, MIN_AREA),
        "at most",
        0.25 if page == "sparse" else 0.05,
        rounds=10,
    )


@pytest.mark.parametrize("page", ["sparse", "dense"])
@pytest.mark.benchmark(group="logits to boxes", timer=CLOCK)
def test_logits_to_boxes(page: str, compare: Compare) -> None:
    """Seven 736x1312 logit maps to the texts' rectangles."""
    from benchmarks.pages import PAGES
    from benchmarks.plain.boxes import plain_boxes
    from ocr_models.psenet.boxes import detect

    logits = PAGES[page].logits()
    assert len(detect(logits, ORIGINAL_SIZE)) == len(plain_boxes(logits, ORIGINAL_SIZE)) == PAGES[page].words
    compare(
        f"time of logits to boxes over the plain one's, {page} page",
        lambda: detect(logits, ORIGINAL_SIZE),
        lambda: plain_boxes(logits, ORIGINAL_SIZE),
        "at most",
        0.25 if page == "sparse" else 0.05,
        rounds=5,
    )


@pytest.mark.benchmark(group="step", timer=CLOCK)
def test_training_step_on_the_cpu(data_folder: Path, report: Report) -> None:
    """The CPU case's step on a resident batch, beside a 4096 float32 matrix product: rate over rate."""
    import json
    import os
    import subprocess
    import sys

    from benchmarks.harness.comparison import ratio_of_medians
    from benchmarks.harness.launch import ALLOCATOR
    from benchmarks.harness.settings import ROOT

    given = ("psenet_sp_bs2_fp32_cpu1", str(data_folder), "320", "10")
    command = [sys.executable, "-m", "benchmarks.harness.step_rate", *given]
    environment = {"GLIBC_TUNABLES": ALLOCATOR, **os.environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    flops = found["flops"]["step"] / found["flops"]["matmul"]
    ratio = flops * ratio_of_medians(found["matmul_seconds"], found["step_seconds"])
    report("rate of the CPU step over a matmul's", ratio, "at least", 0.95, found["step_seconds"])


@pytest.mark.benchmark(group="harness", timer=CLOCK)
def test_throughput_beside_a_bare_loop(data_folder: Path, tmp_path: Path, compare: Compare) -> None:
    """A step through the harness, with its clock, records, events and log line, beside the same in a bare loop."""
    import itertools

    import torch

    from benchmarks.harness.clock import StepClock
    from benchmarks.harness.events import EventWriter
    from benchmarks.harness.records import StepRecord
    from benchmarks.harness.train_log import format_step
    from benchmarks.harness.trainer import resident_trainer

    trainer, batch = resident_trainer("psenet_sp_bs2_fp32_cpu1", data_folder, image_size=128)
    events, log = EventWriter(tmp_path, 0), (tmp_path / "log").open("w")

    def take(record: StepRecord) -> None:
        events.step(record)
        print(format_step(record, 4, trainer.rates[-1]), file=log, flush=True)

    def harness() -> None:
        clock = StepClock(torch.device("cpu"), 4, take)
        clock.begin(warmup=False)
        trainer.run(itertools.repeat(batch), 4, clock)
        clock.finish()

    def bare() -> None:
        for _ in range(4):
            trainer.step(batch)["loss"].item()

    compare("throughput in the harness over a bare loop's", harness, bare, "within", 0.01, rounds=25)


@pytest.mark.benchmark(group="start", timer=CLOCK)
def test_collecting_beside_an_empty_pytest(tmp_path: Path, report: Report) -> None:
    """`pytest --collect-only -q benchmarks` beside the same of a file with one empty test, both in seconds."""
    import statistics
    import subprocess
    import sys

    from benchmarks.harness.comparison import timed_in_turns
    from benchmarks.harness.settings import ROOT

    (tmp_path / "test_nothing.py").write_text("def test(): pass\n")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]

    def collect(what: str, folder: Path) -> None:
        subprocess.run([*command, what], cwd=folder, stdout=subprocess.DEVNULL, check=True)

    suite, empty = timed_in_turns(
        lambda: collect("benchmarks", ROOT), lambda: collect("test_nothing.py", tmp_path), rounds=5
    )
    more = statistics.median(suite) - statistics.median(empty)
    report("seconds of collecting beyond an empty pytest's", more, "at most", 0.5, suite)


@pytest.mark.benchmark(group="start", timer=CLOCK)
def test_from_the_command_to_the_first_measured_step(data_folder: Path, tmp_path: Path, report: Report) -> None:
    """The CPU case in a pytest of its own: seconds until its window begins, and on to the end of its first step."""
    import json
    import subprocess
    import sys
    import time

    from benchmarks.harness.settings import ROOT

    case = ("--ocr-case", "psenet_sp_bs2_fp32_cpu1", "--ocr-data", str(data_folder), "--ocr-output", str(tmp_path))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "benchmarks", *case, "--ocr-steps", "2"]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    whole = time.perf_counter() - start
    details = json.loads((tmp_path / "index" / "ocr_PSENet_sp_bs2_fp32_cpu1_speed").read_text())["details"]
    behind = details["total_seconds"] - details["setup_seconds"] - details["warmup_seconds"]
    seconds = whole - behind + details["step_seconds"]["max"]
    report("seconds from the command to the first measured step", seconds, "at most", 12, [seconds])


@pytest.mark.benchmark(group="evaluation")
def test_evaluation_of_500_images(tmp_path: Path, benchmark: Any) -> None:
    """As many images as the ICDAR 2015 test set has, with rather more texts on each."""
    from benchmarks.pages import write_archives
    from ocr_models.evaluation import evaluate_icdar2015

    truth, submission = tmp_path / "gt.zip", tmp_path / "submission.zip"
    write_archives(truth, submission, images=500, texts=16)
    figures = benchmark.pedantic(evaluate_icdar2015, (truth, submission), rounds=3, warmup_rounds=1)
    assert 0 < figures["hmean"] < 1
