"""One small ROS client: what the command line and the demo say to a robot and hear from it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from eip.msg import (
    ActionPlan,
    Heartbeat,
    PlanStatus,
    SafetyEvent,
    SafetyState,
    SafetyVerdict,
    SceneContext,
)
from eip.srv import (
    ArmMotion,
    CheckCommand,
    ConfirmCommand,
    GenerateResponse,
    ResetStop,
    SimMovePerson,
)
from eip_bringup.errors import UnreachableError
from eip_ros import names, qos
from eip_ros.names import Service, Topic, private
from eip_ros.transport import changed_environment

__all__ = ['RobotClient', 'connect']

ValueT = TypeVar('ValueT')
POLL_S = 0.005
READY_S = 30.0
ANSWER_S = 130.0
"""Above safety_llm's own `answer_timeout_s` (120 s): its no says what became of the command."""


class RobotClient:
    """Talks to the robot in one namespace; thread-safe. Made by `connect`.

    `latest` holds the newest message of each topic, `heard_at` when it came on the monotonic
    clock, in s.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.latest: dict[str, Any] = {}
        self.heard_at: dict[str, float] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self.verdicts: list[SafetyVerdict] = []
        self.events: list[SafetyEvent] = []
        self._clients: dict[str, Client] = {}
        self._command = node.create_publisher(String, Topic.COMMAND, qos.COMMAND)
        for kind, topic, profile in (
            (SafetyState, Topic.STATE, qos.PERMIT),
            (SceneContext, Topic.SCENE, qos.SENSOR),
            (PlanStatus, Topic.PLAN_STATUS, qos.PROGRESS),
            (ActionPlan, Topic.PLAN, qos.COMMAND),
            (SafetyVerdict, Topic.VERDICT, qos.EVENT),
            (SafetyEvent, Topic.EVENT, qos.EVENT),
            (Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT),
        ):
            self.listen(kind, topic, profile)

    def listen(self, kind: type, topic: str, profile: Any) -> None:
        """Keep the newest message of one more topic in `latest`."""
        self.node.create_subscription(
            kind, topic, lambda message: self._take(topic, message), profile
        )

    def _take(self, topic: str, message: Any) -> None:
        self.latest[topic] = message
        self.heard_at[topic] = time.monotonic()
        if topic == Topic.HEARTBEAT:
            self.heartbeats[message.node] = message
            self.heard_at[f'{topic}/{message.node}'] = self.heard_at[topic]
        elif topic == Topic.VERDICT:
            self.verdicts.append(message)
        elif topic == Topic.EVENT:
            self.events.append(message)

    @property
    def state(self) -> SafetyState | None:
        """Return the newest safety state."""
        return self.latest.get(Topic.STATE)

    @property
    def scene(self) -> SceneContext | None:
        """Return the newest scene."""
        return self.latest.get(Topic.SCENE)

    @property
    def plan_status(self) -> PlanStatus | None:
        """Return the newest word of the skill executor."""
        return self.latest.get(Topic.PLAN_STATUS)

    def is_healthy(self, node: str, within_s: float = 1.0) -> bool:
        """Tell whether `node` beat in the last `within_s`, healthy and waiting for nothing."""
        beat = self.heartbeats.get(node)
        heard_s = self.heard_at.get(f'{Topic.HEARTBEAT}/{node}', -1e9)
        is_ready = beat is not None and beat.healthy and not beat.detail
        return is_ready and time.monotonic() - heard_s <= within_s

    def wait_for(self, condition: Callable[[], ValueT], deadline_s: float) -> ValueT | None:
        """Return the first true value of `condition`, or None after `deadline_s`."""
        end = time.monotonic() + deadline_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                return None
            time.sleep(POLL_S)

    def publish_command(self, text: str) -> None:
        """Put `text` on the topic `command`, as another node would."""
        self._command.publish(String(data=_clean(text)))

    def say(self, text: str, timeout_s: float = ANSWER_S) -> Any:
        """Have `text` judged, planned and, when allowed, done; return the GenerationResult."""
        request = GenerateResponse.Request(command=_clean(text), execute=True)
        name = private(names.Node.SAFETY_LLM, Service.GENERATE)
        return self.call(GenerateResponse, name, request, timeout_s).result

    def check(self, text: str, timeout_s: float = 10.0) -> SafetyVerdict:
        """Have `text` judged and not done; return the verdict."""
        name = private(names.Node.SAFETY_LLM, Service.CHECK_COMMAND)
        request = CheckCommand.Request(text=_clean(text))
        return self.call(CheckCommand, name, request, timeout_s).verdict

    def confirm(
        self, request_id: str, operator: str, approve: bool = True, reason: str = 'confirmed'
    ) -> tuple[bool, str]:
        """Answer a `confirm` verdict; return (taken, what happened)."""
        request = ConfirmCommand.Request(
            request_id=request_id, operator_name=operator, approve=approve, reason=reason
        )
        name = private(names.Node.SAFETY_LLM, Service.CONFIRM)
        return _answer(self.call(ConfirmCommand, name, request, ANSWER_S))

    def stop(self) -> tuple[bool, str]:
        """Latch an emergency stop; return (done, what happened)."""
        return self._trigger(Service.EMERGENCY_STOP)

    def disarm(self) -> tuple[bool, str]:
        """Take back the permission to move; return (done, what happened)."""
        return self._trigger(Service.DISARM)

    def reset(self, operator: str, reason: str) -> tuple[bool, str]:
        """Clear a latched stop; return (done, what happened or why it was refused)."""
        name = private(names.Node.SAFETY_MONITOR, Service.RESET)
        request = ResetStop.Request(operator_name=operator, reason=reason)
        return _answer(self.call(ResetStop, name, request))

    def arm(self, operator: str, reason: str) -> tuple[bool, str]:
        """Permit motion; return (done, what happened or why it was refused)."""
        name = private(names.Node.SAFETY_MONITOR, Service.ARM)
        request = ArmMotion.Request(operator_name=operator, reason=reason)
        return _answer(self.call(ArmMotion, name, request))

    def press_stop(self, pressed: bool) -> tuple[bool, str]:
        """Press or release the simulated robot's hardware stop."""
        name = private(names.Node.SIM_ROBOT, 'press_stop')
        return _answer(self.call(SetBool, name, SetBool.Request(data=pressed)))

    def move_person(
        self, name: str, x_m: float, y_m: float, speed_mps: float = 0.0, remove: bool = False
    ) -> tuple[bool, str]:
        """Put a simulated person somewhere, let them walk there, or take them away."""
        request = SimMovePerson.Request(name=name, speed_mps=speed_mps, remove=remove)
        request.target.x, request.target.y = x_m, y_m
        service = private(names.Node.SIM_ROBOT, 'move_person')
        return _answer(self.call(SimMovePerson, service, request))

    def _trigger(self, service: str) -> tuple[bool, str]:
        name = private(names.Node.SAFETY_MONITOR, service)
        return _answer(self.call(Trigger, name, Trigger.Request()))

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = 5.0) -> Any:
        """Return the answer of service `name`; UnreachableError when there is none in time."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(kind, name)
        deadline = time.monotonic() + timeout_s
        if not self.wait_for(client.service_is_ready, min(timeout_s, READY_S)):
            raise UnreachableError(
                f'{self.node.get_namespace().rstrip("/")}/{name} is not there: '
                'is the robot up (`eip status`), on this ROS domain and in this namespace?'
            )
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(max(0.05, deadline - time.monotonic())):
            client.remove_pending_request(future)
            raise UnreachableError(f'{name} did not answer within {timeout_s:.0f} s')
        return future.result()


def _clean(text: str) -> str:
    """Return `text` with what is not Unicode marked as such, so that it can travel."""
    return text.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def _answer(response: Any) -> tuple[bool, str]:
    return response.success, response.message


@contextmanager
def connect(
    namespace: str = '', environment: Mapping[str, str] | None = None
) -> Iterator[RobotClient]:
    """Yield a client of the robot in `namespace`.

    `environment` is put over this process's while ROS starts: ROS reads its domain, its discovery
    range and its log folder from there.
    """
    context = Context()
    with changed_environment(environment or {}):
        # No arguments: what a person types is no ROS argument.
        rclpy.init(args=[], context=context)
    node = Node(f'eip_client_{os.getpid()}', namespace=namespace, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    ending = threading.Event()
    client = RobotClient(node)
    thread = threading.Thread(target=_spin, args=(executor, ending), daemon=True)
    thread.start()
    try:
        yield client
    finally:
        ending.set()
        thread.join(timeout=2.0)
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        context.try_shutdown()


def _spin(executor: SingleThreadedExecutor, ending: threading.Event) -> None:
    while not ending.is_set():
        executor.spin_once(timeout_sec=0.1)
