"""What the node `safety_monitor` is told at its start."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ['MonitorParameters', 'state_folder']


@dataclass(frozen=True)
class MonitorParameters:
    """Parameters of the node; everything else is in the policy file."""

    policy_file: str = field(
        default='', metadata={'description': 'safety policy; empty for the shipped one'}
    )
    state_dir: str = field(
        default='',
        metadata={
            'description': 'folder of latch and audit log; empty for '
            '${EIP_STATE_DIR:-~/.local/state/eip}/<namespace or robot>',
        },
    )


def state_folder(given: str, namespace: str) -> Path:
    """Return the folder of a robot's state: the `given` one, or one of its own by its namespace."""
    if given:
        return Path(given).expanduser()
    base = os.environ.get('EIP_STATE_DIR') or '~/.local/state/eip'
    return Path(base).expanduser() / (namespace.strip('/') or 'robot')
