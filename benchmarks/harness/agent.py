"""The process between pytest and the ranks: PyTorch's elastic agent, as torchrun uses it, for one process as for many.

`python -m benchmarks.harness.agent PLAN` starts the worker processes, ends them all as soon as one fails, and leaves in
`agent.json` which failed first and how, as numbers rather than as a report to be parsed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from benchmarks.harness.liveness import watch
from benchmarks.harness.nodes import address_towards, interface_of, split_endpoint
from benchmarks.harness.settings import Plan

WORKERS = {"speed": "benchmarks.harness.worker", "convergence": "benchmarks.harness.convergence_worker"}


def main(plan_path: str) -> int:
    plan = Plan.read(Path(plan_path))
    run_folder = Path(plan.run_folder)
    watch(plan.parent_pid, run_folder)  # also while it waits for other nodes
    try:
        config = _config(plan)
    except OSError as error:
        (run_folder / "rendezvous.txt").write_text(f"{plan.rdzv_endpoint}: {error.strerror}", encoding="utf-8")
        return 1
    try:
        elastic_launch(config, sys.executable)("-u", "-m", WORKERS[plan.kind], plan_path)
    except ChildFailedError as error:
        failures = [
            {"rank": plan.local_ranks[failure.local_rank], "exit_code": failure.exitcode, "time": failure.timestamp}
            for failure in error.failures.values()
        ]
        (run_folder / "agent.json").write_text(json.dumps(failures), encoding="utf-8")
        return 1
    except RendezvousError as error:
        traceback.print_exc()
        (run_folder / "rendezvous.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        return 1
    except SignalException as error:
        print(f"the agent was ended by {signal.Signals(error.sigval).name}", file=sys.stderr)
        return 1
    return 0


def _config(plan: Plan) -> LaunchConfig:
    endpoint, address = "localhost:0", "localhost"  # any free port: one that is taken cannot be in the way
    rendezvous: dict[str, Any] = {}
    if plan.nodes > 1:
        endpoint = plan.rdzv_endpoint
        address = address_towards(*split_endpoint(endpoint))
        patience = max(1, int(0.4 * plan.timeout_seconds))  # named before the time limit, and before a hang is seen
        rendezvous = {"is_host": plan.node_rank == 0, "join_timeout": patience, "read_timeout": patience}
        if (interface := interface_of(address)) is not None:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)  # gloo would go by the host's name
    return LaunchConfig(
        min_nodes=plan.nodes,
        max_nodes=plan.nodes,
        nproc_per_node=plan.local_processes,
        run_id=plan.case,
        rdzv_backend="c10d",
        rdzv_endpoint=endpoint,
        rdzv_configs=rendezvous,
        local_addr=address,
        max_restarts=0,
        monitor_interval=0.1,
        logs_specs=DefaultLogsSpecs(log_dir=plan.run_folder),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
