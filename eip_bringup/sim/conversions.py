"""Between the simulation's own types and messages."""

from __future__ import annotations

import array
import math
from collections.abc import Iterable, Mapping

import numpy as np
from diagnostic_msgs.msg import KeyValue
from geometry_msgs.msg import Point, Quaternion, Twist, Vector3
from nav_msgs.msg import Odometry as OdometryMessage
from numpy.typing import NDArray
from sensor_msgs.msg import LaserScan

from eip.msg import ActionPlan, Person, PlanStatus, SafetyState, SceneObject
from eip_bringup.sim.dimensions import BEAMS, PERSON_RADIUS, RANGE_MAX_M, RANGE_MIN_M
from eip_bringup.sim.errand import Errand, ErrandStep, Progress
from eip_bringup.sim.household import Item
from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.people import Walker
from eip_bringup.sim.senses import Permit

__all__ = ['errand_of', 'fact_messages', 'flat', 'object_message', 'odometry_message']
__all__ += ['permit_of', 'person_message', 'pose_of', 'scan_message', 'status_message']
__all__ += ['yaw_to_quaternion']

ODOM_FRAME = 'odom'
BASE_FRAME = 'base_link'
LASER_FRAME = 'laser'


def yaw_to_quaternion(yaw: float) -> Quaternion:
    """Return the rotation about the vertical by `yaw`, rad."""
    return Quaternion(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def pose_of(message: OdometryMessage) -> Pose:
    """Return the pose in an odometry message."""
    position, turn = message.pose.pose.position, message.pose.pose.orientation
    yaw = math.atan2(
        2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y * turn.y + turn.z * turn.z)
    )
    return Pose(position.x, position.y, yaw)


def odometry_message(pose: Pose, speed_mps: float, turn_radps: float) -> OdometryMessage:
    """Return odometry without a stamp, frame `odom` to `base_link`."""
    message = OdometryMessage(child_frame_id=BASE_FRAME)
    message.header.frame_id = ODOM_FRAME
    message.pose.pose.position = Point(x=pose.x, y=pose.y, z=0.0)
    message.pose.pose.orientation = yaw_to_quaternion(pose.yaw)
    message.twist.twist = Twist(linear=Vector3(x=speed_mps), angular=Vector3(z=turn_radps))
    return message


def scan_message(ranges: NDArray[np.float32], period_s: float) -> LaserScan:
    """Return a full turn of the lidar without a stamp, `ranges` in m from straight behind."""
    message = LaserScan(
        angle_min=-math.pi,
        angle_max=math.pi - 2 * math.pi / BEAMS,
        angle_increment=2 * math.pi / BEAMS,
        scan_time=period_s,
        range_min=RANGE_MIN_M,
        range_max=RANGE_MAX_M,
        ranges=array.array('f', ranges.tobytes()),
    )
    message.header.frame_id = LASER_FRAME
    return message


def person_message(walker: Walker, robot: Pose) -> Person:
    """Return a person; the distance is from the robot's centre to the person's skin, m."""
    vx, vy = walker.velocity
    return Person(
        name=walker.name,
        kind=walker.kind,
        position=Point(x=walker.x, y=walker.y, z=0.0),
        velocity=Vector3(x=vx, y=vy, z=0.0),
        distance_m=max(0.0, robot.distance_to(walker.x, walker.y) - PERSON_RADIUS),
    )


def object_message(item: Item) -> SceneObject:
    """Return an object; what a person holds has no place."""
    x, y, z = item.position
    place = '' if item.place.startswith('person:') else item.place
    return SceneObject(name=item.name, kind=item.kind, place=place, position=Point(x=x, y=y, z=z))


def fact_messages(facts: Mapping[str, str]) -> list[KeyValue]:
    """Return facts as key and value."""
    return [KeyValue(key=key, value=value) for key, value in facts.items()]


def flat(point: Point) -> tuple[float, float]:
    """Return a point on the floor, m."""
    return point.x, point.y


def errand_of(message: ActionPlan) -> Errand:
    """Return a plan as the executor takes it."""
    return Errand(
        plan_id=message.plan_id,
        request_id=message.request_id,
        steps=tuple(
            ErrandStep(
                step.skill,
                _parameters(step.parameters),
                step.verdict.decision,
            )
            for step in message.steps
        ),
        decision=message.verdict.decision,
        approved=message.approved,
        confirmed_by=message.confirmed_by,
    )


def _parameters(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """Return parameters by name; a name given twice is kept apart, so that it is refused."""
    values: dict[str, str] = {}
    for pair in pairs:
        values[f'{pair.key} twice' if pair.key in values else pair.key] = pair.value
    return values


def permit_of(message: SafetyState) -> Permit:
    """Return what a safety state allows; anything but a permitted ARMED allows nothing."""
    if message.mode != SafetyState.ARMED or not message.motion_permitted:
        return Permit(cause=message.cause or 'motion is not permitted')
    limits = message.max_linear_speed_mps, message.max_angular_speed_radps
    if not all(math.isfinite(limit) and limit >= 0 for limit in limits):
        return Permit(cause=f'the permit has speed limits {limits}')
    return Permit(True, '', *limits)


def status_message(progress: Progress) -> PlanStatus:
    """Return how a plan gets on, without a stamp."""
    return PlanStatus(
        plan_id=progress.plan_id,
        request_id=progress.request_id,
        state=int(progress.state),
        step_index=progress.step_index,
        step_count=progress.step_count,
        skill=progress.skill,
        message=progress.message,
    )
