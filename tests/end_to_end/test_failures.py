"""Failures provoked for real in a rank: what each leaves, how it is reported, and that it harms no later case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from artifacts import read_artifact
from failing_runs import CASE, NAME, OUTPUT_VARIABLE, SHORT, FailedCase
from suite import RunPytest

MP_CASE, MP_NAME = "tiny_mp_bs4_fp32_cpu2", "ocr_Tiny_mp_bs4_fp32_cpu2"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scenario:
    """A run that is meant to fail.

    Attributes:
        fault: what the tests' small model does wrong.
        arguments: of pytest, in addition to those of every scenario.
    """

    fault: str
    arguments: tuple[object, ...] = ()
    case: str = CASE
    name: str = NAME


def of_two(fault: str, *arguments: object) -> Scenario:
    """A run of two processes that is meant to fail."""
    return Scenario(fault, arguments, MP_CASE, MP_NAME)


def provoke(run_pytest: RunPytest, image_folder: Path, output: Path, scenario: Scenario) -> FailedCase:
    """Run a scenario. An older result of its case is there, which must never be taken for its own."""
    (output / "index").mkdir(exist_ok=True)
    (output / "index" / f"{scenario.name}_speed").write_text('{"JOB_FAIL_FLAG": 0}')
    given = ("--ocr-case", scenario.case, "--ocr-data", image_folder, "--ocr-output", output, *SHORT)
    environment = {"TINY_FAULT": scenario.fault, OUTPUT_VARIABLE: str(output)}
    return FailedCase(run_pytest("benchmarks", *given, *scenario.arguments, **environment), output, scenario.name)


@pytest.fixture(scope="module")
def failed(
    request: pytest.FixtureRequest,
    run_pytest: RunPytest,
    image_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[Scenario, Future[FailedCase]]]:
    """The runs of all scenarios of the collected tests, three at a time: most of their time is imports and waiting."""
    items = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    callspecs = [item.callspec.params for item in items if hasattr(item, "callspec")]
    scenarios = {params["scenario"]: None for params in callspecs if "scenario" in params}
    with ThreadPoolExecutor(3) as runs:
        yield {
            scenario: runs.submit(provoke, run_pytest, image_folder, tmp_path_factory.mktemp("failed"), scenario)
            for scenario in scenarios
        }


CONSTANT, WRONG, MISMATCH = Scenario("constant@"), Scenario("wrong@"), of_two("mismatch@/1")

FAILURES = [
    (Scenario("address_space@6"), "out_of_memory", "you tried to allocate 4294967296 bytes", 0),
    (Scenario("nan@6"), "non_finite_loss", "loss is nan at step 4", 0),
    (CONSTANT, "constant_loss", "the loss is 1 at every step", 0),
    (WRONG, "wrong_result", r"the loss of a step on fixed .* is .* instead of 0\.3303", 0),
    (MISMATCH, "rank_mismatch", "parameters of rank 1 differ from those of rank 0", 1),
    (Scenario("bad_image@13"), "data", r"truncated JPEG", 0),
    (Scenario("abort@6"), "device", "AcceleratorError: CUDA error: unknown error; look for Xid", 0),
]
"""Scenario, and the kind, message and rank of its failure. One of each kind; the others have tests of their own."""

FURTHER_FAILURES = [
    (Scenario("exception@setup"), "exception", "RuntimeError: a planted", 0),
    (Scenario("exception@6"), "exception", "RuntimeError: a planted", 0),
    (of_two("exception@5/1"), "exception", "a planted", 1),
    (Scenario("device_memory@6"), "out_of_memory", "CUDA out of memory. Tried to allocate", 0),
    (Scenario("kill@6"), "killed", "rank 0 was killed by SIGKILL", 0),
    (Scenario("segv@6"), "killed", "rank 0 was killed by SIGSEGV", 0),
    (of_two("kill@5/1"), "killed", "rank 1 was killed by SIGKILL", 1),
    (Scenario("inf@6"), "non_finite_loss", "loss is inf at step 4", 0),
    (Scenario("kill_loader@13"), "data", r"DataLoader worker \(pid", 0),
]


@pytest.mark.parametrize(
    ("scenario", "kind", "message", "rank"),
    [*FAILURES, *(pytest.param(*each, marks=pytest.mark.exhaustive) for each in FURTHER_FAILURES)],
    ids=lambda value: value.fault if isinstance(value, Scenario) else "",
)
def test_a_failure_is_reported_and_leaves_nothing_behind(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario, kind: str, message: str, rank: int
) -> None:
    found = failed[scenario].result()
    assert found.outcome.code == 1
    found.is_reported(kind, message, rank)


@pytest.mark.parametrize(("scenario", "ranks"), [(CONSTANT, 1), (WRONG, 1), (MISMATCH, 2)], ids=str)
def test_a_run_that_reached_its_end_with_a_wrong_result_leaves_all_details(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario, ranks: int
) -> None:
    details = failed[scenario].result().document["details"]
    assert details["source"] == "run"
    assert details["samples"] == sum(rank["samples"] for rank in details["ranks"]) == 6 * 2 * ranks
    assert "failure" in details


@pytest.mark.parametrize("scenario", [Scenario("address@6")], ids=[""])
def test_the_train_log_reaches_up_to_the_failure_and_holds_no_address(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    assert re.findall(r"^step: (\d+)/7", found.log, re.MULTILINE) == ["1", "2", "3"]
    assert "Traceback" in found.log
    assert found.document["details"]["source"] == "unfinished_run"
    assert found.document["details"]["steps_done"] == 3
    assert found.failure["kind"] == "exception"
    for text in (found.log, found.failure["message"], found.outcome.text):
        assert "connection to" in text
        assert "10.11.12.13" not in text


@pytest.mark.parametrize("scenario", [Scenario("slow@", ("--ocr-timeout", 14))], ids=[""])
def test_the_time_limit_ends_a_case(failed: dict[Scenario, Future[FailedCase]], scenario: Scenario) -> None:
    found = failed[scenario].result()
    found.is_reported("timeout", r"not done after 14 s \(--ocr-timeout\), in ", None)
    assert found.document["details"]["total_seconds"] < 30


@pytest.mark.exhaustive
@pytest.mark.parametrize("scenario", [Scenario("hang@6", ("--ocr-timeout", 60))], ids=[""])
def test_a_hang_is_reported_before_the_time_limit_with_the_stack_where_it_hangs(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    found.is_reported("hang", r"rank 0 has made no progress for \d+ s, in forward of step 4", rank=0)
    assert "tiny_task.py" in found.log


@pytest.mark.parametrize("scenario", [of_two("hang@5/1", "--ocr-timeout", 60)], ids=[""])
def test_a_hang_of_one_rank_is_reported_before_the_time_limit(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario
) -> None:
    found = failed[scenario].result()
    found.is_reported("hang", r"rank 1 has made no progress for \d+ s, in forward of step 2", rank=1)
    main_threads = re.findall(r"^Current thread 0x\w+.* \(most recent call first\)", found.log, re.MULTILINE)
    assert len(main_threads) == 2  # of both ranks: one waits in a collective, the other hangs in the model
    assert "tiny_task.py" in found.log


@pytest.mark.parametrize("scenario", [Scenario("kill@2", ("--ocr-case", "tiny_sp_bs4_fp32_cpu1"))], ids=[""])
def test_a_failed_case_harms_neither_the_next_case_nor_its_result(
    failed: dict[Scenario, Future[FailedCase]], scenario: Scenario
) -> None:
    """The fault strikes where a batch of two starts, and no batch of four does."""
    found = failed[scenario].result()
    found.is_reported("killed", "SIGKILL", rank=0)
    assert read_artifact(found.output, "ocr_Tiny_sp_bs4_fp32_cpu1")["JOB_FAIL_FLAG"] == 0
    assert "1 failed, 1 passed" in found.outcome.text


def test_the_host_of_an_endpoint_that_cannot_be_resolved_is_in_no_file(run_pytest: RunPytest, tmp_path: Path) -> None:
    nodes = ("--ocr-nnodes", 2, "--ocr-node-rank", 0, "--ocr-rdzv-endpoint", "gpu7.lab.example:29400")
    given = ("--ocr-case", "tiny_mp_bs4_fp32_cpu4", "--ocr-output", tmp_path, "--junitxml", tmp_path / "junit.xml")
    outcome = run_pytest("benchmarks", *given, *nodes, *SHORT)
    assert outcome.code == 1, outcome.text
    failure = read_artifact(tmp_path, "ocr_Tiny_mp_bs4_fp32_cpu4")["details"]["failure"]
    assert failure["kind"] == "rendezvous"
    assert "<host>" in failure["message"]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if re.search("gpu7|lab.example", path.read_text())]
