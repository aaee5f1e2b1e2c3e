"""Messages go by UDP alone, so that a killed process cannot swallow what is for its successor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eip_ros.transport import choose_transport

PROCESSES = Path('/proc')
PORT_IN_SHARED_MEMORY = '/dev/shm/fastrtps_port'  # an ended process may leave its file

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


@pytest.mark.skipif(not (PROCESSES / 'self/maps').exists(), reason='no memory maps told here')
@pytest.mark.parametrize(('first', 'has_port'), [('import eip_ros', False), ('', True)])
def test_a_node_on_this_host_opens_no_port_in_shared_memory(
    ros_domain: int, first: str, has_port: bool
) -> None:
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
        mapped = (PROCESSES / str(holder.pid) / 'maps').read_text()
        assert (PORT_IN_SHARED_MEMORY in mapped) is has_port
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
