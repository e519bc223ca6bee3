"""From a case, a measurement and the settings to the plan that the ranks follow."""

from __future__ import annotations

import os
import time
import uuid

import msgspec
from msgspec import Raw

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CompileMode
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.machine import available_cores
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.protocol.warm_up import least_warmup
from benchmarks.harness.results.common import new_run_id
from benchmarks.harness.results.measurement import Measurement, Parameters
from ocr_models import MODELS

# On a CPU a step takes seconds, on a GPU about 0.1 s. Both defaults give about half a minute.
DEFAULT_STEPS = {"cpu": 10, "cuda": 100}
DEFAULT_WARMUP_STEPS = {"cpu": 2, "cuda": 20}
MAX_LOADER_WORKERS = 24  # enough for any GPU: 150 samples/s each if decoding takes 4 ms
MAX_GPU_THREADS = 4


def plan_run(case: Case, measurement: Measurement, settings: Settings, ordinal: int = 0) -> Run:
    """A run about to be launched. `ordinal` counts the runs of a session: for each one the nodes meet at another port,
    so that a node that is ahead never meets the previous run of another.

    Raises:
        CaseError: if the measurement cannot be taken of this case.
    """
    parameters = measurement.parameters(case, settings)
    nodes = settings.nodes
    data = settings.data_of(MODELS[case.model].data)
    cores = available_cores() // max(1, case.processes // nodes.count)
    plan = Plan(
        case=case,
        measurement=measurement.name,
        run_in_rank=measurement.run_in_rank,
        parameters=Raw(msgspec.json.encode(parameters.own)),
        steps=_steps(case, settings, parameters),
        warmup_steps=_warmup_steps(case, settings, parameters),
        warmup_steps_requested=settings.warmup_steps,
        image_size=image_size(case, settings, parameters),
        data=None if data is None else str(data),
        data_source="synthetic" if data is None else "files",
        convergence_data=parameters.convergence_data,
        augment=parameters.augment,
        nodes=nodes.count,
        node_rank=nodes.rank,
        rendezvous_endpoint=nodes.endpoint_of(ordinal),
        loader_workers=_loader_workers(case, settings, cores),
        threads=_threads(case, cores),
        seed=settings.seed,
        image_cache=settings.image_cache,
        compile_mode=compile_mode(case, settings),
        profile_loader=settings.profile_loader,
        light=settings.light,
        timeout_seconds=settings.timeout_seconds,
        run_token=uuid.uuid4().hex,
        run_folder="",
        parent_pid=os.getpid(),
    )
    return new_run(plan, strict_machine=settings.strict_machine)


def new_run(plan: Plan, *, strict_machine: bool) -> Run:
    """A run of a plan, about to be launched."""
    ranks = [RankEvents(rank) for rank in plan.local_ranks]
    # More nodes than processes: such a case is never launched, but --ocr-require gives it an artifact.
    ranks = ranks or [RankEvents(0)]
    return Run(plan, new_run_id(), ranks, started_at=time.time(), strict_machine=strict_machine)


def _steps(case: Case, settings: Settings, parameters: Parameters) -> int:
    steps = settings.steps or parameters.steps or DEFAULT_STEPS[case.device]
    return steps if parameters.most_steps is None else min(steps, parameters.most_steps)


def limited_steps(plan: Plan, settings: Settings) -> str | None:
    """One line if a case gets fewer measured steps than were asked for."""
    if settings.steps is None or plan.steps >= settings.steps:
        return None
    return (
        f"{plan.case}: {plan.steps} steps, not {settings.steps} (--ocr-steps): a {plan.measurement} case takes no more"
    )


def _warmup_steps(case: Case, settings: Settings, parameters: Parameters) -> int:
    if parameters.warmup_steps is not None:
        return parameters.warmup_steps
    wanted = DEFAULT_WARMUP_STEPS[case.device] if settings.warmup_steps is None else settings.warmup_steps
    return max(wanted, least_warmup(case, compile_mode(case, settings))[0])


def raised_warmup(plan: Plan) -> str | None:
    """One line if a case gets more warm-up steps than were asked for."""
    asked = plan.warmup_steps_requested
    if asked is None or plan.warmup_steps <= asked:
        return None
    reason = least_warmup(plan.case, plan.compile_mode)[1]
    return f"{plan.case}: {plan.warmup_steps} warm-up steps, not {asked} (--ocr-warmup): {reason}"


def compile_mode(case: Case, settings: Settings) -> CompileMode | None:
    """Of torch.compile; None if the case is not compiled."""
    return settings.compile_mode if case.compile else None


def image_size(case: Case, settings: Settings, parameters: Parameters) -> int | None:
    """Side of the training image in pixels; None if the model has a fixed input size."""
    sizes = MODELS[case.model].image_sizes
    if sizes is None:
        return None
    return settings.image_size or parameters.image_size or (sizes.cpu if case.device == "cpu" else sizes.cuda)


def _threads(case: Case, cores_per_process: int) -> int:
    cores = max(1, cores_per_process)
    return cores if case.device == "cpu" else min(MAX_GPU_THREADS, cores)


def _loader_workers(case: Case, settings: Settings, cores_per_process: int) -> int:
    asked = settings.loader_workers
    return default_loader_workers(case, cores_per_process) if asked is None else asked


def default_loader_workers(case: Case, cores_per_process: int) -> int:
    """Loader processes of one rank.

    On the CPU they take cores from the training, and one delivers many times what the training uses. On a GPU every
    core except that of the training process helps, up to a number that is enough for any GPU.
    """
    return 1 if case.device == "cpu" else max(1, min(MAX_LOADER_WORKERS, cores_per_process - 1))
