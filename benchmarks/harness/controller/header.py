"""What pytest's header shows: the settings that differ from their defaults; all of them under -v."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.controller.option_table import OPTIONS, Option
from benchmarks.harness.controller.options import effective
from benchmarks.harness.controller.selection import case_names
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.shown_side import shown_side
from ocr_models import BROKEN_MODELS


def header(config: pytest.Config, settings: Settings) -> list[str]:
    """One line with the settings, one for each installed model that cannot be loaded."""
    everything = config.option.verbose > 0
    shown = [
        f"{option.name} {_shown(config, settings, option)}"
        for option in OPTIONS
        if everything or effective(config, option).text != option.default or _from_environment(settings, option)
    ]
    names = case_names(config)
    if names or everything:
        shown.append(f"case {' '.join(names) or 'as listed'}")
    broken = [f"ocr: model {name} is left out: {reason}" for name, reason in sorted(BROKEN_MODELS.items())]
    return [f"ocr: {', '.join(shown) or 'default settings'}", *_not_compared(config, settings), *broken]


def _not_compared(config: pytest.Config, settings: Settings) -> list[str]:
    """Options of comparisons have no effect in a run of a comparison (`options.read_settings`)."""
    compare = next(option for option in OPTIONS if option.field == "compare")
    given = effective(config, compare)
    if settings.compare is not None or given.text == compare.default:
        return []
    return [f"ocr: {given.source} has no effect: this pytest runs within a comparison or a case ({TOKEN_VARIABLE})"]


def _from_environment(settings: Settings, option: Option) -> bool:
    """Torchrun or Slurm may set the nodes."""
    return option.field in ("nodes", "node_rank", "rdzv_endpoint") and settings.nodes.count > 1


def _shown(config: pytest.Config, settings: Settings, option: Option) -> str:
    nodes, history = settings.nodes, settings.history
    special = {
        "nodes": str(nodes.count),
        "node_rank": str(nodes.rank),
        "rdzv_endpoint": nodes.endpoint or "none",
        "output": str(_relative(settings.output, config.invocation_params.dir)),
        "history": "none" if history is None else str(_relative(history, config.invocation_params.dir)),
        "compare": shown_side(settings.compare or "none"),
        "max_slowdown": f"{100 * settings.max_slowdown:g} %",
        "budget_minutes": "none" if settings.budget_minutes is None else f"{settings.budget_minutes:g} min",
        "memory_limit_bytes": effective(config, option).text,
        "timeout_seconds": f"{settings.timeout_seconds:g} s",
    }
    if option.field in special:
        return special[option.field]
    value = getattr(settings, option.field)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return effective(config, option).text if value is None else str(value)


def _relative(path: Path, base: Path) -> Path:
    return path.relative_to(base) if path.is_relative_to(base) else path
