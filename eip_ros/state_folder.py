"""Where the state of a robot lies, told once for the nodes and for the command line."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ['state_folder', 'state_root']


def state_root() -> Path:
    """Return where state, logs and audit files of all robots of this user lie.

    `EIP_STATE_DIR`, else `$XDG_STATE_HOME/eip`, else `~/.local/state/eip`; a private folder for
    temporary files where there is no home.
    """
    for name, below in (('EIP_STATE_DIR', ''), ('XDG_STATE_HOME', 'eip')):
        if value := os.environ.get(name):
            return (Path(value).expanduser() / below).absolute()
    if home := os.environ.get('HOME'):
        return Path(home) / '.local' / 'state' / 'eip'
    return Path(tempfile.gettempdir()) / f'eip-{os.getuid()}'


def state_folder(namespace: str) -> Path:
    """Return the folder of one robot's state."""
    return state_root() / (namespace.strip('/').replace('/', '.') or 'robot')
