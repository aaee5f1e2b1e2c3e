"""A simulated robot in processes of its own, with a stand-in for safety monitor and gate."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import KeyValue
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Bool

from eip.msg import ActionPlan, PlanStatus, PlanStep, SafetyState, SafetyVerdict, SceneContext
from eip.srv import AuthorizeStep
from eip_ros import names, qos
from eip_ros.heartbeat import read_boot_id

CODE = 'import sys; from eip_bringup.sim.{module} import main; sys.exit(main())'


class SimBench(Node):
    """Starts nodes, remembers the newest message of each topic, plays monitor and gate."""

    def __init__(self) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        super().__init__('bench', context=self._context)
        self.latest: dict[str, Any] = {}
        self.received: dict[str, int] = {}
        self.states: list[tuple[str, int, str]] = []
        self.is_armed = True
        self.publishes_state = True
        self._children: list[subprocess.Popen[str]] = []
        for kind, topic, profile in (
            (Odometry, 'odom', qos.SENSOR),
            (LaserScan, 'scan', qos.SENSOR),
            (SceneContext, 'scene', qos.SENSOR),
            (Bool, 'safety/hardware_stop', qos.SENSOR),
            (Twist, 'cmd_vel_in', qos.MOTION),
            (PlanStatus, 'plan/status', qos.PROGRESS),
        ):
            self.create_subscription(kind, topic, self._remember(topic), profile)
        self._cmd_vel = self.create_publisher(Twist, 'cmd_vel', qos.MOTION)
        self._plan = self.create_publisher(ActionPlan, 'plan', qos.COMMAND)
        self._state = self.create_publisher(SafetyState, 'safety/state', qos.PERMIT)
        self.authorized: list[tuple[str, int]] = []
        self.create_service(
            AuthorizeStep,
            names.private(names.Node.SAFETY_MONITOR, names.Service.AUTHORIZE),
            self._authorize,
        )
        self._sequence = 0
        self.create_timer(0.04, self._publish_state)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self)
        self._is_running = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def start(self, module: str, *parameters: str) -> subprocess.Popen[str]:
        arguments = [part for item in parameters for part in ('-p', item)]
        child = subprocess.Popen(
            [sys.executable, '-c', CODE.format(module=module), '--ros-args', *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._children.append(child)
        return child

    def close(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.communicate(timeout=10)
        self._is_running = False
        self._thread.join(timeout=5)
        self._executor.shutdown()
        self.destroy_node()
        rclpy.shutdown(context=self._context)

    def drive(self, speed_mps: float, turn_radps: float = 0.0) -> None:
        message = Twist()
        message.linear.x, message.angular.z = speed_mps, turn_radps
        self._cmd_vel.publish(message)

    def call(self, kind: Any, service: str, /, **fields: Any) -> Any:
        client = self.create_client(kind, service)
        assert client.wait_for_service(timeout_sec=10)
        future = client.call_async(kind.Request(**fields))
        end = time.monotonic() + 10
        while not future.done() and time.monotonic() < end:
            time.sleep(0.005)
        assert future.done(), f'{service} did not answer'
        return future.result()

    def send_plan(
        self,
        plan_id: str,
        *steps: tuple[str, dict[str, str]],
        approved: bool = True,
        decision: int = SafetyVerdict.ALLOW,
        confirmed_by: str = '',
    ) -> None:
        verdict = SafetyVerdict(decision=decision)
        self._plan.publish(
            ActionPlan(
                plan_id=plan_id,
                request_id=f'request of {plan_id}',
                approved=approved,
                confirmed_by=confirmed_by,
                verdict=verdict,
                steps=[
                    PlanStep(
                        index=index,
                        skill=skill,
                        parameters=[KeyValue(key=k, value=v) for k, v in parameters.items()],
                        verdict=verdict,
                    )
                    for index, (skill, parameters) in enumerate(steps)
                ],
            )
        )

    def has_plan_listener(self) -> bool:
        return self._plan.get_subscription_count() > 0

    def position(self) -> tuple[float, float]:
        point = self.latest['odom'].pose.pose.position
        return point.x, point.y

    def reached(self, plan_id: str, state: int) -> bool:
        return any(seen[:2] == (plan_id, state) for seen in self.states)

    def _remember(self, topic: str) -> Any:
        def remember(message: Any) -> None:
            self.latest[topic] = message
            self.received[topic] = self.received.get(topic, 0) + 1
            if topic == 'cmd_vel_in' and self.is_armed:
                self._cmd_vel.publish(message)
            if topic == 'plan/status':
                self.states.append((message.plan_id, message.state, message.message))

        return remember

    def _authorize(
        self, request: AuthorizeStep.Request, response: AuthorizeStep.Response
    ) -> AuthorizeStep.Response:
        self.authorized.append((request.plan_id, request.step_index))
        response.granted, response.lifetime_s = self.is_armed, 30.0
        response.refusal = '' if self.is_armed else 'the bench says stop'
        return response

    def _publish_state(self) -> None:
        if not self.publishes_state:
            return
        self._sequence += 1
        self._state.publish(
            SafetyState(
                monitor_id='bench',
                sequence=self._sequence,
                boot_id=read_boot_id(),
                monotonic_ns=time.monotonic_ns(),
                mode=SafetyState.ARMED if self.is_armed else SafetyState.STOPPED,
                motion_permitted=self.is_armed,
                permit_lifetime_s=0.1,
                max_linear_speed_mps=0.8 if self.is_armed else 0.0,
                max_angular_speed_radps=1.8 if self.is_armed else 0.0,
                cause='' if self.is_armed else 'the bench says stop',
            )
        )

    def _spin(self) -> None:
        while self._is_running:
            self._executor.spin_once(timeout_sec=0.1)
