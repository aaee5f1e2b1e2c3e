"""The safety policy: what is watched, how far is far enough, and what each fault leads to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from eip_safety_monitor.audit.audit_policy import AuditPolicy
from eip_safety_monitor.limited import limited
from eip_safety_monitor.people.prediction import PredictionConfig
from eip_safety_monitor.people.separation import SeparationConfig
from eip_safety_monitor.permits import StopCategory
from eip_safety_monitor.reactions import Reaction
from eip_safety_monitor.rules.rules_policy import RulesPolicy
from eip_safety_monitor.step_permits import StepPermitPolicy
from eip_safety_monitor.stop_inputs.config import StopInputsPolicy
from eip_safety_monitor.watch.watchdog import MOST_RATE_HZ
from eip_safety_monitor.yaml_reader import PolicyError, read_yaml
from eip_safety_monitor.zones.frames import FramesPolicy
from eip_safety_monitor.zones.zones_policy import Zone, check_zones

__all__ = [
    'ObstaclePolicy',
    'OperatorPolicy',
    'PeoplePolicy',
    'PeopleSource',
    'Policy',
    'PolicyError',
    'Reaction',
    'RobotPolicy',
    'SignalPolicies',
    'StopPolicy',
    'WatchedNode',
    'WatchedSignal',
    'default_policy_file',
    'load_policy',
]


class PeopleSource(StrEnum):
    """Where people are known from; `lidar` takes everything the lidar sees for a person."""

    SCENE = 'scene'
    LIDAR = 'lidar'


@dataclass(frozen=True)
class RobotPolicy:
    """The robot's own limits."""

    radius_m: float = limited(0.2, 'from the base frame to the hull', 'm', 0.0, 5.0)
    max_linear_speed_mps: float = limited(0.8, 'greatest linear speed', 'm/s', 0.0, 10.0)
    max_angular_speed_radps: float = limited(1.9, 'greatest angular speed', 'rad/s', 0.0, 10.0)
    standstill_mps: float = limited(0.02, 'slower than this is standing', 'm/s', 0.001, 0.5)
    standstill_radps: float = limited(0.05, 'turning slower is standing', 'rad/s', 0.001, 0.5)


@dataclass(frozen=True)
class PeoplePolicy:
    """How people are kept apart from the robot."""

    source: PeopleSource = PeopleSource.SCENE
    clear_time_s: float = limited(1.0, 'clear for so long before motion goes on', 's', 0.1, 60.0)
    clear_margin_m: float = limited(0.1, 'farther than the limit to be clear', 'm', 0.0, 5.0)
    least_speed_mps: float = limited(0.05, 'a smaller permitted speed is a stop', 'm/s', 0.0, 1.0)
    speed_tolerance_mps: float = limited(
        0.15, 'faster than permitted by more is a stop', 'm/s', 0.0, 2.0
    )


@dataclass(frozen=True)
class ObstaclePolicy:
    """How the robot slows down before what the lidar sees; it never stops for furniture."""

    creep_distance_m: float = limited(0.15, 'from the hull: creep', 'm', 0.0, 10.0)
    full_speed_distance_m: float = limited(0.8, 'from the hull: full speed', 'm', 0.01, 20.0)
    creep_speed_mps: float = limited(0.15, 'speed at the creep distance', 'm/s', 0.0, 2.0)
    half_angle_rad: float = limited(0.8, 'half of the cone ahead that counts', 'rad', 0.05, 3.15)
    least_valid_share: float = limited(0.05, 'fewer beams with an echo: blind', '1', 0.0, 1.0)
    widest_blind_rad: float = limited(
        0.175, 'wider sector that is not a number: blind', 'rad', 0.0, 6.3
    )

    def __post_init__(self) -> None:
        if self.creep_distance_m >= self.full_speed_distance_m:
            raise ValueError(
                f'creep_distance_m is {self.creep_distance_m}, set less than '
                f'full_speed_distance_m {self.full_speed_distance_m}'
            )


@dataclass(frozen=True)
class OperatorPolicy:
    """What is asked of a person who resets and arms."""

    cooldown_s: float = limited(1.0, 'least time between two resets', 's', 0.0, 600.0)


@dataclass(frozen=True)
class StopPolicy:
    """IEC 60204-1 stop category of each kind of stop."""

    emergency: StopCategory = StopCategory.UNCONTROLLED
    protective: StopCategory = StopCategory.HOLDING

    def __post_init__(self) -> None:
        if self.emergency not in (StopCategory.UNCONTROLLED, StopCategory.CONTROLLED):
            raise ValueError(f'emergency is category {self.emergency}, set 0 or 1')
        if self.protective is StopCategory.NONE:
            raise ValueError(f'protective is category {self.protective}, set 0, 1 or 2')


@dataclass(frozen=True)
class WatchedSignal:
    """One topic that must keep coming."""

    timeout_s: float = limited(0.4, 'longest silence', 's', 0.01, 60.0)
    grace_s: float = limited(30.0, 'longest wait for the first message', 's', 0.1, 600.0)
    max_rate_hz: float = limited(MOST_RATE_HZ, 'faster is a flood', '1/s', 1.0, 100000.0)
    least_rate_hz: float = limited(0.0, 'slower holds the robot; 0: any', '1/s', 0.0, 1000.0)
    reaction: Reaction = Reaction.STOP

    def __post_init__(self) -> None:
        if self.max_rate_hz > MOST_RATE_HZ:
            raise ValueError(
                f'max_rate_hz is {self.max_rate_hz:g}, set at most {MOST_RATE_HZ:g}: no more than '
                '500 messages a second are taken, so that a faster flood would not be seen'
            )


@dataclass(frozen=True)
class WatchedNode:
    """One node whose heartbeat is watched."""

    name: str
    timeout_s: float = limited(0.5, 'longest silence', 's', 0.05, 60.0)
    grace_s: float = limited(60.0, 'longest wait for the first beat', 's', 0.1, 3600.0)
    reaction: Reaction = Reaction.WARN


@dataclass(frozen=True)
class SignalPolicies:
    """The topics the monitor lives on."""

    scan: WatchedSignal = WatchedSignal(least_rate_hz=5.0)
    odom: WatchedSignal = WatchedSignal(least_rate_hz=10.0)
    hardware_stop: WatchedSignal = WatchedSignal(least_rate_hz=4.0)
    scene: WatchedSignal = WatchedSignal(
        timeout_s=0.5, least_rate_hz=3.0, reaction=Reaction.PROTECTIVE
    )


def _nodes() -> tuple[WatchedNode, ...]:
    return (
        WatchedNode('motion_gate', grace_s=30.0, reaction=Reaction.STOP),
        WatchedNode('safety_llm', timeout_s=1.0, grace_s=120.0, reaction=Reaction.PROTECTIVE),
        WatchedNode('memory_manager', timeout_s=2.0, grace_s=120.0),
        WatchedNode('performance_monitor', timeout_s=2.0, grace_s=120.0),
    )


@dataclass(frozen=True)
class Policy:
    """Everything the monitor goes by."""

    robot: RobotPolicy = field(default_factory=RobotPolicy)
    separation: SeparationConfig = field(default_factory=SeparationConfig)
    prediction: PredictionConfig = field(default_factory=PredictionConfig)
    people: PeoplePolicy = field(default_factory=PeoplePolicy)
    obstacles: ObstaclePolicy = field(default_factory=ObstaclePolicy)
    operator: OperatorPolicy = field(default_factory=OperatorPolicy)
    stop: StopPolicy = field(default_factory=StopPolicy)
    signals: SignalPolicies = field(default_factory=SignalPolicies)
    nodes: tuple[WatchedNode, ...] = field(default_factory=_nodes)
    zones: tuple[Zone, ...] = ()
    frames: FramesPolicy = field(default_factory=FramesPolicy)
    rules: RulesPolicy = field(default_factory=RulesPolicy)
    step_permits: StepPermitPolicy = field(default_factory=StepPermitPolicy)
    stop_inputs: StopInputsPolicy = field(default_factory=StopInputsPolicy)
    audit: AuditPolicy = field(default_factory=AuditPolicy)
    permit_lifetime_s: float = limited(0.1, 'how long a permit may be used', 's', 0.04, 0.1)
    longest_stall_s: float = limited(0.5, 'the monitor itself blind for longer', 's', 0.1, 10.0)

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'nodes names {name} twice, remove one')
        check_zones(self.zones)


def load_policy(path: Path) -> Policy:
    """Return the policy in `path`; raises PolicyError naming file, line, field and remedy."""
    return read_yaml(path, Policy)


def default_policy_file() -> Path:
    """Return config/safety_policy.yaml of the source tree, or of the ROS installation."""
    candidates = [Path(__file__).resolve().parents[1] / 'config' / 'safety_policy.yaml']
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        candidates.append(Path(prefix) / 'share' / 'eip' / 'config' / 'safety_policy.yaml')
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise PolicyError(
        f'config/safety_policy.yaml is not at {candidates[0]}; set the parameter policy_file'
    )
