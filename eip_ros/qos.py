"""Quality of service, named by purpose."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

__all__ = [
    'COMMAND',
    'EVENT',
    'HEARTBEAT',
    'MOTION',
    'PERMIT',
    'PERMIT_INBOX',
    'PROGRESS',
    'SENSOR',
    'STATUS',
    'STOP_INPUT',
    'VERDICT_INBOX',
]

SENSOR = QoSProfile(depth=7, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Scans, odometry, scenes: the newest counts, a lost one is no harm."""

STOP_INPUT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
"""How the monitor reads stop buttons: a press counts, however many releases followed it."""

MOTION = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Velocities: only the newest may act."""

PERMIT = QoSProfile(
    depth=1,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
    deadline=Duration(nanoseconds=100_000_000),
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=Duration(nanoseconds=1_000_000_000),
)
"""`safety/state`. Receivers enforce every timeout by a timer of their own all the same."""

PERMIT_INBOX = QoSProfile(
    depth=20,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""How the gate reads `safety/state`: deep enough to hear every monitor that speaks."""

HEARTBEAT = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Signs of life of every node on one topic."""

COMMAND = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Sentences and plans: none may be lost, none repeated to a late joiner."""

EVENT = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
"""Verdicts, events, request records, alerts: a burst must not lose any."""

VERDICT_INBOX = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""How the monitor reads verdicts: deep enough to count also those that it cannot write."""

STATUS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Summaries: a late joiner gets the last one at once."""

PROGRESS = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""`plan/status`: as STATUS, yet changes in quick succession must not hide one another."""
