"""Names of nodes, topics and services, once."""

from __future__ import annotations

from typing import Final

__all__ = ['Node', 'Service', 'Topic', 'private']


class Node:
    """Node names."""

    SAFETY_LLM: Final = 'safety_llm'
    MEMORY_MANAGER: Final = 'memory_manager'
    SAFETY_MONITOR: Final = 'safety_monitor'
    MOTION_GATE: Final = 'motion_gate'
    PERFORMANCE_MONITOR: Final = 'performance_monitor'
    SIM_ROBOT: Final = 'sim_robot'
    SIM_SKILLS: Final = 'sim_skills'


class Topic:
    """Topic names, relative so that a namespace makes a robot."""

    COMMAND: Final = 'command'
    PLAN: Final = 'plan'
    PLAN_STATUS: Final = 'plan/status'
    SCENE: Final = 'scene'
    VERDICT: Final = 'safety/verdict'
    STATE: Final = 'safety/state'
    EVENT: Final = 'safety/event'
    MARKERS: Final = 'safety/markers'
    HARDWARE_STOP: Final = 'safety/hardware_stop'
    REQUESTS: Final = 'llm/requests'
    MEMORY_STATUS: Final = 'memory/status'
    PERFORMANCE_STATUS: Final = 'performance/status'
    ALERT: Final = 'performance/alert'
    HEARTBEAT: Final = 'heartbeat'
    DIAGNOSTICS: Final = 'diagnostics'
    CMD_VEL_IN: Final = 'cmd_vel_in'
    CMD_VEL: Final = 'cmd_vel'
    SCAN: Final = 'scan'
    ODOM: Final = 'odom'
    TF: Final = 'tf'


class Service:
    """Service and action names below a node's own name."""

    CHECK_COMMAND: Final = 'check_command'
    GENERATE: Final = 'generate'
    GENERATE_BATCH: Final = 'generate_batch'
    GENERATE_STREAM: Final = 'generate_stream'
    CONFIRM: Final = 'confirm'
    RECLAIM: Final = 'reclaim'
    OPTIMIZE: Final = 'optimize'
    EMERGENCY_STOP: Final = 'emergency_stop'
    RESET: Final = 'reset'
    ARM: Final = 'arm'
    DISARM: Final = 'disarm'
    AUTHORIZE: Final = 'authorize'
    TRENDS: Final = 'trends'
    BENCHMARK: Final = 'benchmark'


def private(node: str, name: str) -> str:
    """Return the relative name by which other nodes reach `~/name` of `node`."""
    return f'{node}/{name}'
