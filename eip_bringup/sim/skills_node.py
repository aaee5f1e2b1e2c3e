"""Node `sim_skills`: turns approved plans into motion of the simulated robot."""

from __future__ import annotations

import math
import sys
import time

import numpy as np
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from eip.msg import ActionPlan, PlanStatus, SafetyState, SceneContext
from eip_bringup.sim import conversions
from eip_bringup.sim.drive import DriveLimits
from eip_bringup.sim.errand import Progress
from eip_bringup.sim.executor import PlanExecutor
from eip_bringup.sim.hands import ServiceHands
from eip_bringup.sim.kitchen import Kitchen
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.monitor_desk import MonitorDesk
from eip_bringup.sim.perception import Perception
from eip_bringup.sim.route import RoutePlanner
from eip_bringup.sim.senses import Velocity
from eip_bringup.sim.skill import Robot
from eip_bringup.sim.skills_config import SkillsConfig
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, DiagnosticPublisher, Level
from eip_ros.heartbeat import HeartbeatPublisher, read_boot_id
from eip_ros.names import Topic
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY

__all__ = ['SimSkillsNode', 'main']


class SimSkillsNode(Node):
    """Wires the plan executor to topics."""

    def __init__(self) -> None:
        super().__init__(names.Node.SIM_SKILLS)
        self._log = Node.get_logger(self)
        config = declare_parameters(self, SkillsConfig)
        self._boot_id = read_boot_id()
        self._perception = Perception(config.permit_timeout_s, config.sensor_timeout_s)
        self._executor = PlanExecutor(
            self._robot(config, load_kitchen(config.world_file)), MonitorDesk(self), self._report
        )
        self._was_moving = False
        self._listen()
        self._velocity = self.create_publisher(Twist, Topic.CMD_VEL_IN, qos.MOTION)
        self._status = self.create_publisher(PlanStatus, Topic.PLAN_STATUS, qos.PROGRESS)
        self._heartbeat = HeartbeatPublisher(self)
        self._diagnostics = DiagnosticPublisher(self)
        self._diagnostics.add('plan', self._diagnose)
        self.create_timer(1.0 / config.rate_hz, self._tick, clock=STEADY)
        self.create_timer(
            1.0 / config.status_rate_hz,
            lambda: self._publish(self._executor.progress),
            clock=STEADY,
        )

    def _robot(self, config: SkillsConfig, kitchen: Kitchen) -> Robot:
        return Robot(
            kitchen,
            RoutePlanner(kitchen),
            ServiceHands(self),
            self._speak,
            DriveLimits(
                speed_mps=config.max_speed_mps,
                turn_radps=config.max_turn_radps,
                radius_m=kitchen.robot_radius,
            ),
        )

    def _speak(self, text: str) -> None:
        self._log.info(f'the robot says: {text}')

    def _listen(self) -> None:
        self.create_subscription(ActionPlan, Topic.PLAN, self._on_plan, qos.COMMAND)
        self.create_subscription(SafetyState, Topic.STATE, self._on_state, qos.PERMIT)
        self.create_subscription(Odometry, Topic.ODOM, self._on_odom, qos.SENSOR)
        self.create_subscription(LaserScan, Topic.SCAN, self._on_scan, qos.SENSOR)
        self.create_subscription(SceneContext, Topic.SCENE, self._on_scene, qos.SENSOR)

    def _on_plan(self, message: ActionPlan) -> None:
        self._executor.submit(conversions.errand_of(message))

    def _on_state(self, message: SafetyState) -> None:
        now = time.monotonic()
        # The sender's clock is ours on the same boot: then time in a queue counts as age.
        sent = message.monotonic_ns / 1e9 if message.boot_id == self._boot_id else now
        self._perception.permit(conversions.permit_of(message), min(sent, now))

    def _on_odom(self, message: Odometry) -> None:
        pose = conversions.pose_of(message)
        if math.isfinite(pose.x) and math.isfinite(pose.y) and math.isfinite(pose.yaw):
            self._perception.pose(pose, time.monotonic())

    def _on_scan(self, message: LaserScan) -> None:
        ranges = np.asarray(message.ranges, dtype=np.float32)
        angles = message.angle_min + message.angle_increment * np.arange(len(ranges))
        self._perception.scan(ranges, angles.astype(np.float32), time.monotonic())

    def _on_scene(self, message: SceneContext) -> None:
        self._perception.scene(
            people={person.name: conversions.flat(person.position) for person in message.people},
            objects={item.name: conversions.flat(item.position) for item in message.objects},
            object_places={item.name: item.place for item in message.objects},
            held_object=message.held_object,
        )

    def _tick(self) -> None:
        now = time.monotonic()
        velocity = self._executor.tick(self._perception.senses(now), now)
        if velocity is None and self._was_moving:
            velocity = Velocity()
            self._was_moving = False
        elif velocity is not None:
            self._was_moving = True
        else:
            return
        message = Twist()
        message.linear.x, message.angular.z = velocity.speed_mps, velocity.turn_radps
        self._velocity.publish(message)

    def _report(self, progress: Progress) -> None:
        self._log.info(f'plan {progress.plan_id}: {progress.state.name} {progress.message}')
        self._publish(progress)

    def _publish(self, progress: Progress) -> None:
        message = conversions.status_message(progress)
        message.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(message)

    def _diagnose(self) -> Diagnosis:
        progress = self._executor.progress
        return Diagnosis(Level.OK, progress.state.name.lower(), {'message': progress.message})


def main() -> int:
    """Run the node until it is told to end."""
    return run_node(SimSkillsNode)


if __name__ == '__main__':
    sys.exit(main())
