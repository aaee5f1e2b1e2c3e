"""Write `docs/parameters.md` from the dataclasses that the nodes declare their parameters from."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from eip_bringup.sim.robot_config import RobotConfig
from eip_bringup.sim.skills_config import SkillsConfig
from eip_llm_interface.memory_manager_config import MemoryManagerConfig
from eip_llm_interface.safety_llm_config import SafetyLlmConfig
from eip_perf_monitor.config import MonitorConfig
from eip_safety_monitor.gate import GateConfig
from eip_safety_monitor.monitor_parameters import MonitorParameters

TARGET = Path(__file__).resolve().parent.parent / 'docs' / 'parameters.md'
NODES = {
    'safety_llm': SafetyLlmConfig,
    'memory_manager': MemoryManagerConfig,
    'safety_monitor': MonitorParameters,
    'motion_gate': GateConfig,
    'performance_monitor': MonitorConfig,
    'sim_robot': RobotConfig,
    'sim_skills': SkillsConfig,
}
HEAD = """# Parameters

Made by `scripts/document_parameters.py` from the dataclasses in the code. A value out of range ends
the node with one line and exit code 2. The three lifecycle nodes (`safety_llm`, `memory_manager`,
`performance_monitor`) also take `autostart` (true): configure and activate without a manager.
Parameters are read at the start, and setting one later is refused. Those of `safety_llm` up to
`optimization_level` may be set, and act from the next configure on; `autostart` is read at
the start alone.
The rules of the safety monitor are in `config/safety_policy.yaml`.
"""


def main() -> int:
    """Write the page; return 0."""
    TARGET.write_text(render(), encoding='utf-8')
    return 0


def render() -> str:
    """Return the whole page."""
    return '\n'.join([HEAD, *(section(name, kind) for name, kind in NODES.items())])


def section(node: str, kind: type) -> str:
    """Return one node's heading and table."""
    lines = [f'## {node}', '', '| Parameter | Default | Unit | Range | |', '|---|---|---|---|---|']
    return '\n'.join([*lines, *rows(kind), ''])


def rows(kind: type, prefix: str = '') -> Iterator[str]:
    """Yield one table row per parameter, nested dataclasses with a dot."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name = f'{prefix}{field.name}'
        if dataclasses.is_dataclass(hints[field.name]):
            yield from rows(hints[field.name], f'{name}.')
            continue
        limits = field.metadata.get('range')
        allowed = f'{limits[0]} to {limits[1]}' if limits else ''
        unit, text = field.metadata.get('unit', ''), field.metadata.get('description', '')
        yield f'| `{name}` | `{json.dumps(default(field))}` | {unit} | {allowed} | {text} |'


def default(field: dataclasses.Field[Any]) -> Any:
    """Return the field's default."""
    if field.default is not dataclasses.MISSING:
        return field.default
    assert field.default_factory is not dataclasses.MISSING
    return field.default_factory()


if __name__ == '__main__':
    sys.exit(main())
