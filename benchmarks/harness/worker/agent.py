"""The process between pytest and several ranks: PyTorch's elastic agent, as in torchrun.

`python -m benchmarks.harness.worker.agent PLAN` starts the ranks, ends them all as soon as one fails, and writes to
`agent.json` which one failed first and how.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import psutil
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError, RendezvousTimeoutError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from benchmarks.harness.protocol.endpoint import split_endpoint
from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.exits import RankExit, write_rank_exits, write_rendezvous_error
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.processes import is_running
from benchmarks.harness.worker.liveness import watch
from benchmarks.harness.worker.network import address_towards, interface_of
from benchmarks.harness.worker.process_end import run_and_leave

RENDEZVOUS_SHARE = 0.4  # of the time limit: a node that does not come is reported before a hang


def main(plan_path: str) -> int:
    """Returns the exit code of the process."""
    plan = Plan.read(Path(plan_path))
    run_folder = Path(plan.run_folder)
    ends = ChildEnds()
    watch(plan.parent_pid, run_folder, ends.look)  # also while it waits for other nodes
    try:
        elastic_launch(_config(plan), sys.executable)("-u", "-m", "benchmarks.harness.worker", plan_path)
    except ChildFailedError as error:
        failures = error.failures.values()
        exits = [
            RankExit(plan.local_ranks[each.local_rank], each.exitcode, ends.time_of(each.pid)) for each in failures
        ]
        write_rank_exits(run_folder, exits)
        return 1
    except RendezvousError as error:
        traceback.print_exc()
        write_rendezvous_error(run_folder, _rendezvous_reason(error, plan))
        return 1
    except SignalException as error:
        print(f"the agent was ended by {signal.Signals(error.sigval).name}", file=sys.stderr)
        return 1
    except _NoRouteError as error:
        write_rendezvous_error(run_folder, str(error))
        return 1
    return 0


class ChildEnds:
    """When the children of this process ended. torch's own times are of the system's clock, which may be set."""

    def __init__(self) -> None:
        self._running: frozenset[int] = frozenset()
        self._times: dict[int, float] = {}

    def look(self) -> None:
        """To be called every few seconds, by one thread."""
        running = frozenset(child.pid for child in psutil.Process().children() if is_running(child))
        self._times.update(dict.fromkeys(self._running - running, time.monotonic()))
        self._running = running

    def time_of(self, pid: int) -> float:
        """Seconds of `time.monotonic` at which a child that has ended was first seen to be gone."""
        return self._times.get(pid, time.monotonic())


def _rendezvous_reason(error: RendezvousError, plan: Plan) -> str:
    """Torch's own reason; its timeout has none."""
    if isinstance(error, RendezvousTimeoutError) and not str(error).strip():
        return f"not all {plan.nodes} nodes came to {plan.rendezvous_endpoint} within {_patience(plan)} s"
    return one_line(error)


def _patience(plan: Plan) -> int:
    """Seconds that a node waits for the others."""
    return max(1, int(RENDEZVOUS_SHARE * plan.timeout_seconds))


class _NoRouteError(Exception):
    """The endpoint cannot be reached from this machine."""


def _config(plan: Plan) -> LaunchConfig:
    endpoint, address = "localhost:0", "localhost"  # port 0 means any free port
    rendezvous: dict[str, Any] = {}
    if plan.nodes > 1:
        endpoint = plan.rendezvous_endpoint
        try:
            address = address_towards(*split_endpoint(endpoint))
        except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
            raise _NoRouteError(f"{endpoint}: {getattr(error, 'strerror', None) or error}") from error
        patience = _patience(plan)
        rendezvous = {"is_host": plan.node_rank == 0, "join_timeout": patience, "read_timeout": patience}
        if (interface := interface_of(address)) is not None:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)  # gloo would use the address of the host name
    return LaunchConfig(
        min_nodes=plan.nodes,
        max_nodes=plan.nodes,
        nproc_per_node=plan.local_processes,
        run_id=str(plan.case),
        rdzv_backend="c10d",
        rdzv_endpoint=endpoint,
        rdzv_configs=rendezvous,
        local_addr=address,
        max_restarts=0,
        monitor_interval=0.1,
        logs_specs=DefaultLogsSpecs(log_dir=plan.run_folder),
    )


if __name__ == "__main__":
    run_and_leave(main, sys.argv[1])
