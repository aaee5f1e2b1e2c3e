"""Between the cores' dataclasses and ROS messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
from geometry_msgs.msg import Quaternion, Twist, TwistStamped
from nav_msgs.msg import Odometry as OdometryMessage
from sensor_msgs.msg import LaserScan

from eip.msg import (
    ActionPlan,
    Heartbeat,
    SafetyEvent,
    SafetyState,
    SafetyVerdict,
    SceneContext,
)
from eip.srv import AuthorizeStep
from eip_safety_monitor.events import Event, State
from eip_safety_monitor.permits import Mode, Permit, SpeedLimits, StopCategory
from eip_safety_monitor.readings import Beat, Odometry, PersonSeen, Scan, Scene, VerdictHeard
from eip_safety_monitor.step_permits import PlanHeard, PlanStepHeard, StepAsked
from eip_safety_monitor.velocity import Velocity
from eip_safety_monitor.zones.frames import FrameLink

__all__ = [
    'asked_from',
    'beat_from',
    'event_message',
    'links_from',
    'odometry_from',
    'permit_from',
    'plan_from',
    'scan_from',
    'scene_from',
    'stamp_age_s',
    'state_message',
    'twist_message',
    'velocity_from',
    'verdict_from',
]

DECISIONS = {0: 'reject', 1: 'confirm', 2: 'allow'}


def velocity_from(message: Twist) -> Velocity:
    """Return a Twist as a velocity."""
    linear, angular = message.linear, message.angular
    return Velocity((linear.x, linear.y, linear.z), (angular.x, angular.y, angular.z))


def twist_message(velocity: Velocity) -> Twist:
    """Return a velocity as a Twist."""
    message = Twist()
    message.linear.x, message.linear.y, message.linear.z = velocity.linear
    message.angular.x, message.angular.y, message.angular.z = velocity.angular
    return message


def stamp_age_s(message: TwistStamped, now_ns: int) -> float:
    """Return the time since a message's stamp by the ROS clock, s; negative when it is ahead."""
    return (now_ns - _nanoseconds(message.header.stamp)) / 1e9


def permit_from(message: SafetyState) -> Permit:
    """Return the permit in a SafetyState."""
    return Permit(
        monitor_id=message.monitor_id,
        sequence=message.sequence,
        boot_id=message.boot_id,
        stamp_ns=message.monotonic_ns,
        mode=Mode.of(message.mode),
        motion_permitted=message.motion_permitted,
        lifetime_s=message.permit_lifetime_s,
        limits=SpeedLimits(message.max_linear_speed_mps, message.max_angular_speed_radps),
        stop_category=StopCategory.of(message.stop_category),
        cause=message.cause,
    )


def state_message(state: State, permit: Permit, stamp: Time) -> SafetyState:
    """Return `state` under the numbers of `permit`."""
    message = SafetyState(
        monitor_id=permit.monitor_id,
        sequence=permit.sequence,
        boot_id=permit.boot_id,
        monotonic_ns=permit.stamp_ns,
        mode=int(permit.mode),
        motion_permitted=permit.motion_permitted,
        permit_lifetime_s=permit.lifetime_s,
        max_linear_speed_mps=permit.limits.linear_mps,
        max_angular_speed_radps=permit.limits.angular_radps,
        stop_category=int(permit.stop_category),
        latched=state.mode is Mode.STOPPED,
        resettable=state.is_resettable,
        cause=state.cause,
        active_causes=list(state.active_causes),
        nearest_person_m=state.nearest_person_m,
        nearest_obstacle_m=state.nearest_obstacle_m,
        protective_distance_m=state.protective_distance_m,
    )
    message.header.stamp = stamp
    return message


def event_message(event: Event, stamp: Time) -> SafetyEvent:
    """Return an event as its message."""
    message = SafetyEvent(
        sequence=event.sequence,
        severity=int(event.severity),
        kind=event.kind,
        cause=event.cause,
        message=event.message,
        operator_name=event.operator_name,
        reason=event.reason,
        mode_before=int(event.before),
        mode_after=int(event.after),
        hash=event.hash,
    )
    message.header.stamp = stamp
    return message


def scan_from(message: LaserScan) -> Scan:
    """Return a LaserScan as a scan; the ranges are not copied."""
    return Scan(
        ranges_m=np.asarray(message.ranges, dtype=np.float32),
        angle_min_rad=message.angle_min,
        angle_step_rad=message.angle_increment,
        range_min_m=message.range_min,
        range_max_m=message.range_max,
        stamp_ns=_nanoseconds(message.header.stamp),
    )


def odometry_from(message: OdometryMessage) -> Odometry:
    """Return an Odometry as its reading; an unsound orientation is a yaw that is no number."""
    position, turn = message.pose.pose.position, message.pose.pose.orientation
    twist = message.twist.twist
    return Odometry(
        x_m=position.x,
        y_m=position.y,
        yaw_rad=_yaw_if_sound(turn),
        forward_mps=twist.linear.x,
        sideways_mps=twist.linear.y,
        upward_mps=twist.linear.z,
        turn_radps=twist.angular.z,
        frame=message.header.frame_id,
        stamp_ns=_nanoseconds(message.header.stamp),
    )


def links_from(message: Any) -> list[FrameLink]:
    """Return the transforms of a tf2_msgs/TFMessage as links in the plane."""
    return [
        FrameLink(
            parent=transform.header.frame_id,
            child=transform.child_frame_id,
            x_m=transform.transform.translation.x,
            y_m=transform.transform.translation.y,
            yaw_rad=_yaw_if_sound(transform.transform.rotation),
        )
        for transform in message.transforms
    ]


def scene_from(message: SceneContext) -> Scene:
    """Return who is near in a SceneContext."""
    people = tuple(
        PersonSeen(
            name=person.name,
            kind=person.kind,
            x_m=person.position.x,
            y_m=person.position.y,
            vx_mps=person.velocity.x,
            vy_mps=person.velocity.y,
            distance_m=person.distance_m,
        )
        for person in message.people
    )
    return Scene(people, message.header.frame_id, _nanoseconds(message.header.stamp))


def beat_from(message: Heartbeat) -> Beat:
    """Return a Heartbeat as its reading."""
    return Beat(
        node=message.node,
        instance_id=message.instance_id,
        sequence=message.sequence,
        boot_id=message.boot_id,
        pid=message.pid,
        monotonic_ns=message.monotonic_ns,
        healthy=message.healthy,
        detail=message.detail,
        period_s=message.period_s,
    )


def verdict_from(message: SafetyVerdict) -> VerdictHeard:
    """Return what the audit log keeps of a verdict."""
    return VerdictHeard(
        request_id=message.request_id,
        text=message.text,
        stage=message.stage,
        step_index=message.step_index,
        decision=DECISIONS.get(message.decision, 'reject'),
        safety_score=message.safety_score,
        reason=message.reason,
        rules=tuple(violation.rule for violation in message.violations),
    )


def plan_from(message: ActionPlan) -> PlanHeard:
    """Return what permits for its steps are bound to; steps not in order make it unusable."""
    is_ordered = [step.index for step in message.steps] == list(range(len(message.steps)))
    steps = [_step(step.skill, step.parameters) for step in message.steps] if is_ordered else []
    return PlanHeard(message.plan_id, message.approved, tuple(steps))


def asked_from(request: AuthorizeStep.Request) -> StepAsked:
    """Return what a skill server asks for."""
    step = _step(request.skill, request.parameters)
    return StepAsked(request.plan_id, request.step_index, step, request.permit_id)


def _step(skill: str, parameters: Sequence[KeyValue]) -> PlanStepHeard:
    return PlanStepHeard(skill, tuple((pair.key, pair.value) for pair in parameters))


def _yaw_if_sound(turn: Quaternion) -> float:
    # Products, not powers: of a huge number a power raises OverflowError.
    square = turn.w * turn.w + turn.x * turn.x + turn.y * turn.y + turn.z * turn.z
    return _yaw(turn) if abs(square - 1.0) < 0.02 else math.nan


def _yaw(turn: Quaternion) -> float:
    return math.atan2(
        2.0 * (turn.w * turn.z + turn.x * turn.y),
        1.0 - 2.0 * (turn.y * turn.y + turn.z * turn.z),
    )


def _nanoseconds(stamp: Time) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
