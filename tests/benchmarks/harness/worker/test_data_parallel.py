"""Training in several processes is the same training: gradients are those of one process with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from suite import ROOT, SUPPORT, suite_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two real ranks with one sample each report, compared with one process and both samples."""
    folder = tmp_path_factory.mktemp("ranks")
    path = os.pathsep.join(map(str, (SUPPORT, ROOT)))
    environment = suite_environment(PYTHONPATH=path, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
    started = [
        subprocess.Popen(
            [sys.executable, SUPPORT / "data_parallel.py", folder, str(rank)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        texts = [rank.communicate(timeout=180)[0] for rank in started]
    finally:
        for rank in started:
            rank.kill()
            rank.wait()
    assert [rank.returncode for rank in started] == [0, 0], "\n".join(texts)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def test_gradients_of_two_ranks_are_those_of_one_process_with_both_samples(ranks: list[dict[str, Any]]) -> None:
    """In float64: in float32 the random weights amplify rounding to 3e-4."""
    for rank in ranks:
        assert rank["together"][0] < 1e-6


def test_gradients_of_the_next_step_agree_too(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["together"][1] < 1e-6
        assert rank["between_steps"] > 1e-3  # the weights have moved


def test_a_single_rank_would_have_other_gradients(ranks: list[dict[str, Any]]) -> None:
    assert all(rank["alone"] > 1e-2 for rank in ranks)


def test_the_exchange_of_gradients_is_what_a_step_without_it_is_shorter_by(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        expected = {"step_seconds": 0.25, "local_step_seconds": 0.0, "exposed_seconds": 0.25}
        assert rank["communication"] == expected


def test_the_check_of_a_step_of_several_ranks_averages_the_gradients_that_it_compares_with(
    ranks: list[dict[str, Any]],
) -> None:
    for rank in ranks:
        assert {name for name, value in rank["graph_check"].items() if not value < 1e-6} == set()
