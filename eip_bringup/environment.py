"""Where files lie and which environment variables a process of the robot gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    'bench_folders',
    'config_file',
    'domain_id',
    'launch_folder',
    'ros_environment',
]

SOURCE = Path(__file__).resolve().parent.parent
GREATEST_DOMAIN_ID = 232


def share_folders() -> Iterator[Path]:
    """Yield the folders that may hold `config`, `launch` and `benchmarks`, best first."""
    if (SOURCE / 'package.xml').is_file():
        yield SOURCE
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix:
            yield Path(prefix) / 'share' / 'eip'
    yield Path(sys.prefix) / 'share' / 'eip'


def config_file(name: str) -> Path:
    """Return the path of `config/<name>`; FileNotFoundError says where it was looked for."""
    return _found('config', name)


def launch_folder() -> Path:
    """Return the folder of the launch files."""
    return _found('launch', 'robot.launch.py').parent


def bench_folders() -> list[Path]:
    """Return every folder that holds benchmarks."""
    folders = [folder / 'benchmarks' for folder in share_folders()]
    return [folder for folder in folders if folder.is_dir()]


def _found(kind: str, name: str) -> Path:
    tried = [folder / kind / name for folder in share_folders()]
    for path in tried:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f'{kind}/{name} is in none of {", ".join(str(path.parent) for path in tried)}: '
        'reinstall eip or run from its source tree'
    )


def domain_id(given: int | None = None) -> int:
    """Return the ROS domain: as given, else `ROS_DOMAIN_ID`, else 0.

    Raises ValueError, naming the value, when it is no number from 0 to 232.
    """
    text = os.environ.get('ROS_DOMAIN_ID', '') if given is None else str(given)
    try:
        number = int(text) if text else 0
    except ValueError:
        number = -1
    if not 0 <= number <= GREATEST_DOMAIN_ID:
        raise ValueError(
            f'ROS domain id is {text!r}, give a whole number from 0 to {GREATEST_DOMAIN_ID}'
        )
    return number


def ros_environment(domain: int, state: Path) -> dict[str, str]:
    """Return what a process of the robot needs beside this process's environment.

    Discovery stays on this host unless `ROS_AUTOMATIC_DISCOVERY_RANGE` says otherwise; logs go
    below `state`, so that no home directory is needed.
    """
    return {
        'ROS_DOMAIN_ID': str(domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': os.environ.get(
            'ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'
        ),
        'ROS_LOG_DIR': os.environ.get('ROS_LOG_DIR', str(state / 'log' / 'ros')),
        'EIP_STATE_DIR': str(state.parent),
        'PYTHONUNBUFFERED': '1',
        'RCUTILS_LOGGING_BUFFERED_STREAM': '0',
    }
