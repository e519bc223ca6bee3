"""What pytest's header shows: the settings that differ from their defaults; all of them under -v."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.controller.option_table import OPTIONS, Option
from benchmarks.harness.controller.options import effective
from benchmarks.harness.controller.selection import case_names
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.redaction import redact
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
    return [f"ocr: {', '.join(shown) or 'default settings'}", *broken]


def _from_environment(settings: Settings, option: Option) -> bool:
    """Torchrun or Slurm may set the nodes."""
    return option.field in ("nodes", "node_rank", "rdzv_endpoint") and settings.nodes.count > 1


def _shown(config: pytest.Config, settings: Settings, option: Option) -> str:
    nodes = settings.nodes
    special = {
        "nodes": str(nodes.count),
        "node_rank": str(nodes.rank),
        "rdzv_endpoint": nodes.endpoint or "none",
        "output": str(_relative(settings.output, config.invocation_params.dir)),
        "compare": redact(settings.compare or "none"),
        "max_slowdown": f"{100 * settings.max_slowdown:g} %",
        "budget_minutes": "none" if settings.budget_minutes is None else f"{settings.budget_minutes:g} min",
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
