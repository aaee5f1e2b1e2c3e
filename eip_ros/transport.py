"""By which way DDS carries messages: UDP alone, never shared memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ['changed_environment', 'choose_transport']

LOOPBACK = Path(__file__).with_name('loopback.xml')


def choose_transport() -> None:
    """Tell Fast DDS to send by UDP alone, unless the environment says otherwise.

    A killed process leaves ports in shared memory behind that swallow what is sent to its
    successor: a gate started anew would hear no permit. Loopback is quick enough for what EIP's
    nodes say. `FASTDDS_BUILTIN_TRANSPORTS` says so, but rmw_fastrtps heeds it only where discovery
    leaves the host; for `LOCALHOST` a profile has to. Fast DDS reads both when a process makes its
    first participant. Import of `eip_ros` calls this; call it again after a change of
    `ROS_AUTOMATIC_DISCOVERY_RANGE`.
    """
    os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    if os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') == 'LOCALHOST':
        os.environ.setdefault('FASTRTPS_DEFAULT_PROFILES_FILE', str(LOOPBACK))


@contextmanager
def changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Put `values` and their transport over this process's environment while the block runs."""
    before = dict(os.environ)
    os.environ.update(values)
    choose_transport()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
