"""Node `sim_robot`: base, lidar, gripper, hardware stop and surroundings of a simulated robot.

It runs on the wall clock and publishes no `/clock`.
"""

from __future__ import annotations

import math
import sys
import time

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry as OdometryMessage
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from eip.msg import SceneContext
from eip.srv import SimManipulate, SimMovePerson
from eip_bringup.sim import conversions
from eip_bringup.sim.household import Household, Refusal
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.odometry import Odometry
from eip_bringup.sim.robot_config import RobotConfig
from eip_bringup.sim.tf import make_tf_publisher
from eip_bringup.sim.world import World
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, DiagnosticPublisher, Level
from eip_ros.heartbeat import HeartbeatPublisher
from eip_ros.names import Topic
from eip_ros.parameters import ParameterError, declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY

__all__ = ['SimRobotNode', 'main']

ZONE_WITHIN_M = 0.6
MAX_CATCH_UP_S = 0.2


class SimRobotNode(Node):
    """Wires the simulated world to topics and services."""

    def __init__(self) -> None:
        super().__init__(names.Node.SIM_ROBOT)
        if self.get_parameter('use_sim_time').value:
            raise ParameterError(
                'parameter use_sim_time of sim_robot is true, but it runs on the wall clock and '
                'publishes no /clock; set it to false'
            )
        self._log = Node.get_logger(self)
        self._config = declare_parameters(self, RobotConfig)
        kitchen = load_kitchen(self._config.world_file)
        self._world = World(kitchen, self._config.lidar_noise_m, self._config.seed)
        self._household = Household(kitchen, self._world.people.get)
        self._odometry = Odometry(self._world.pose)
        self._is_stop_pressed = False
        self._commanded_at = -math.inf
        self._advanced_at = time.monotonic()
        self._lost_s = 0.0
        self._listen()
        self._speak()
        self._serve()
        self._log.info(f'{len(kitchen.places)} places: {", ".join(kitchen.places)}')

    def _listen(self) -> None:
        self.create_subscription(Twist, Topic.CMD_VEL, self._on_command, qos.MOTION)

    def _speak(self) -> None:
        config = self._config
        self._odom = self.create_publisher(OdometryMessage, Topic.ODOM, qos.SENSOR)
        self._scan = self.create_publisher(LaserScan, Topic.SCAN, qos.SENSOR)
        self._scene = self.create_publisher(SceneContext, Topic.SCENE, qos.SENSOR)
        self._stop = self.create_publisher(Bool, Topic.HARDWARE_STOP, qos.SENSOR)
        self._tf = make_tf_publisher(self)
        self._heartbeat = HeartbeatPublisher(self)
        self._diagnostics = DiagnosticPublisher(self)
        self._diagnostics.add('simulation', self._diagnose)
        self.create_timer(1.0 / config.odom_rate_hz, self._advance, clock=STEADY)
        self.create_timer(1.0 / config.scan_rate_hz, self._publish_scan, clock=STEADY)
        self.create_timer(1.0 / config.scene_rate_hz, self._publish_scene, clock=STEADY)
        self.create_timer(1.0 / config.stop_rate_hz, self._publish_stop, clock=STEADY)

    def _serve(self) -> None:
        self.create_service(SetBool, '~/press_stop', self._on_press_stop)
        self.create_service(SimMovePerson, '~/move_person', self._on_move_person)
        self.create_service(SimManipulate, '~/manipulate', self._on_manipulate)
        self.create_service(Trigger, '~/reset_world', self._on_reset_world)

    def _on_command(self, message: Twist) -> None:
        self._commanded_at = time.monotonic()
        if not self._is_stop_pressed:
            self._world.drive(message.linear.x, message.angular.z)

    def _advance(self) -> None:
        now = time.monotonic()
        if self._is_stop_pressed or now - self._commanded_at > self._config.command_timeout_s:
            # A pressed stop cuts the drives, whatever is commanded.
            self._world.drive(0.0, 0.0)
        passed_s = now - self._advanced_at
        self._advanced_at = now
        self._lost_s += max(0.0, passed_s - MAX_CATCH_UP_S)
        duration_s = min(passed_s, MAX_CATCH_UP_S) * self._config.real_time_factor
        self._world.advance(duration_s)
        self._odometry.update(*self._world.wheel_velocity, duration_s)
        self._household.carry(self._world.pose)
        self._publish_odom()

    def _publish_odom(self) -> None:
        truth = self._config.ground_truth
        pose = self._world.pose if truth else self._odometry.pose
        velocity = self._world.velocity if truth else self._world.wheel_velocity
        message = conversions.odometry_message(pose, *velocity)
        message.header.stamp = self.get_clock().now().to_msg()
        self._odom.publish(message)
        if self._tf is not None:
            self._tf(message)

    def _publish_scan(self) -> None:
        message = conversions.scan_message(self._world.scan(), 1.0 / self._config.scan_rate_hz)
        message.header.stamp = self.get_clock().now().to_msg()
        self._scan.publish(message)

    def _publish_scene(self) -> None:
        pose = self._world.pose
        for item in self._household.items.values():
            self._world.put(item.name, item.position)
        message = SceneContext(
            people=[conversions.person_message(walker, pose) for walker in self._world.people],
            objects=[conversions.object_message(item) for item in self._household.items.values()],
            held_object=self._household.held,
            zone=self._world.kitchen.place_at(pose.x, pose.y, ZONE_WITHIN_M),
            speed_mps=abs(self._world.velocity[0]),
            facts=conversions.fact_messages(self._household.facts()),
        )
        message.header.frame_id = conversions.ODOM_FRAME
        message.header.stamp = self.get_clock().now().to_msg()
        self._scene.publish(message)

    def _publish_stop(self) -> None:
        self._stop.publish(Bool(data=self._is_stop_pressed))

    def _on_press_stop(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        self._is_stop_pressed = request.data
        self._publish_stop()
        response.success = True
        response.message = f'the hardware stop is {"pressed" if request.data else "released"}'
        self._log.info(response.message)
        return response

    def _on_move_person(
        self, request: SimMovePerson.Request, response: SimMovePerson.Response
    ) -> SimMovePerson.Response:
        people, target = self._world.people, request.target
        try:
            if request.remove:
                response.message = people.remove(request.name)
            else:
                response.message = people.move(request.name, target.x, target.y, request.speed_mps)
            response.success = True
            self._publish_scene()
        except ValueError as error:
            response.message = str(error)
        return response

    def _on_manipulate(
        self, request: SimManipulate.Request, response: SimManipulate.Response
    ) -> SimManipulate.Response:
        try:
            response.message = self._household.act(
                request.action, request.object, request.place, self._world.pose
            )
            response.success = True
        except Refusal as refusal:
            response.message = str(refusal)
        self._log.info(response.message)
        return response

    def _on_reset_world(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        self._world.reset()
        self._household.reset()
        self._odometry = Odometry(self._world.pose)
        response.success = True
        response.message = f'the robot stands at {self._world.kitchen.start}'
        return response

    def _diagnose(self) -> Diagnosis:
        values = {'simulated_s': round(self._world.time_s, 2), 'lost_s': round(self._lost_s, 2)}
        if self._is_stop_pressed:
            return Diagnosis(Level.WARN, 'the hardware stop is pressed', values)
        return Diagnosis(Level.OK, 'runs', values)


def main() -> int:
    """Run the node until it is told to end."""
    return run_node(SimRobotNode)


if __name__ == '__main__':
    sys.exit(main())
