"""Messages go by UDP alone, so that a killed process cannot swallow what is for its successor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eip_ros.transport import choose_transport

SHARED_MEMORY = Path('/dev/shm')
PORT_BASE, PORTS_PER_DOMAIN, FIRST_USER_PORT = 7400, 250, 11  # RTPS, 9.6.1.1

HOLD_A_NODE = """
import sys
{first}
import rclpy
rclpy.init()
node = rclpy.create_node('holder')
node.create_subscription(__import__('std_msgs.msg', fromlist=['String']).String, 'x', print, 1)
print('ready', flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason='no shared memory here')
@pytest.mark.parametrize(('first', 'has_port'), [('import eip_ros', False), ('', True)])
def test_a_node_on_this_host_opens_no_port_in_shared_memory(
    ros_domain: int, first: str, has_port: bool
) -> None:
    port = PORT_BASE + PORTS_PER_DOMAIN * ros_domain + FIRST_USER_PORT
    environment = dict(os.environ)
    environment.pop('FASTRTPS_DEFAULT_PROFILES_FILE', None)
    holder = subprocess.Popen(
        [sys.executable, '-c', HOLD_A_NODE.format(first=first)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b'ready\n'
        assert (SHARED_MEMORY / f'fastrtps_port{port}').exists() is has_port
    finally:
        holder.communicate(timeout=10)
    assert holder.returncode == 0


def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/etc/mine.xml')
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'SHM')
    choose_transport()
    assert os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] == '/etc/mine.xml'
    assert os.environ['FASTDDS_BUILTIN_TRANSPORTS'] == 'SHM'


def test_the_loopback_profile_is_for_this_host_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE')
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    choose_transport()
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' not in os.environ
