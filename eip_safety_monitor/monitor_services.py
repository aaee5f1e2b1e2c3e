"""What people and skill servers ask of the node `safety_monitor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from eip.srv import ArmMotion, AuthorizeStep, ResetStop
from eip_ros.names import Service
from eip_safety_monitor import conversions
from eip_safety_monitor.events import Answer
from eip_safety_monitor.supervisor import Supervisor

__all__ = ['MonitorServices']


class MonitorServices:
    """Offers the services of a node and hands each call to the supervisor.

    `tell` publishes what changed, before the caller hears of it; `read_plans` takes what waits on
    the topic `plan`, since a plan and the question about its first step come together.
    """

    def __init__(
        self,
        node: Node,
        supervisor: Supervisor,
        tell: Callable[[], None],
        read_plans: Callable[[], None],
    ) -> None:
        self._supervisor = supervisor
        self._tell = tell
        self._read_plans = read_plans
        node.create_service(Trigger, f'~/{Service.EMERGENCY_STOP}', self._on_stop)
        node.create_service(Trigger, f'~/{Service.DISARM}', self._on_disarm)
        node.create_service(ResetStop, f'~/{Service.RESET}', self._on_reset)
        node.create_service(ArmMotion, f'~/{Service.ARM}', self._on_arm)
        node.create_service(AuthorizeStep, f'~/{Service.AUTHORIZE}', self._on_authorize)

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._answer(self._supervisor.emergency_stop(), response)

    def _on_disarm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._answer(self._supervisor.disarm(), response)

    def _on_reset(
        self, request: ResetStop.Request, response: ResetStop.Response
    ) -> ResetStop.Response:
        return self._answer(self._supervisor.reset(request.operator_name, request.reason), response)

    def _on_arm(
        self, request: ArmMotion.Request, response: ArmMotion.Response
    ) -> ArmMotion.Response:
        return self._answer(self._supervisor.arm(request.operator_name, request.reason), response)

    def _on_authorize(
        self, request: AuthorizeStep.Request, response: AuthorizeStep.Response
    ) -> AuthorizeStep.Response:
        self._read_plans()
        answer = self._supervisor.authorize(conversions.asked_from(request))
        self._tell()
        response.granted, response.permit_id = answer.granted, answer.permit_id
        response.lifetime_s, response.refusal = answer.lifetime_s, answer.refusal
        return response

    def _answer(self, answer: Answer, response: Any) -> Any:
        self._tell()
        response.success, response.message = answer.success, answer.message
        return response
