"""What the node `safety_monitor` is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eip_ros.state_folder import state_folder

__all__ = ['MonitorParameters', 'chosen_folder']


@dataclass(frozen=True)
class MonitorParameters:
    """Parameters of the node; everything else is in the policy file."""

    policy_file: str = field(
        default='', metadata={'description': 'safety policy; empty for the shipped one'}
    )
    state_dir: str = field(
        default='',
        metadata={
            'description': 'folder of latch and audit log; empty for <namespace or robot> in '
            '$EIP_STATE_DIR, $XDG_STATE_HOME/eip or ~/.local/state/eip',
        },
    )


def chosen_folder(given: str, namespace: str) -> Path:
    """Return the folder of a robot's state: the `given` one, or one of its own by its namespace."""
    return Path(given).expanduser() if given else state_folder(namespace)
