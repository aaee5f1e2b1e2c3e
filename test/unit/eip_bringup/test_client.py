"""How long the small ROS client waits for a robot's answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from eip_bringup.client import RobotClient
from eip_llm_interface.safety_llm_config import SafetyLlmConfig


class Waits(RobotClient):
    """Asks nobody and keeps how long it would have waited."""

    def __init__(self) -> None:
        self.kept_s: list[float] = []

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = 5.0) -> Any:
        self.kept_s.append(timeout_s)
        return SimpleNamespace(success=True, message='', result=None)


def test_the_robots_own_no_comes_before_its_client_gives_up() -> None:
    client = Waits()
    client.say('go to the sink')
    client.confirm('r1', 'Ada')
    assert len(client.kept_s) == 2
    assert min(client.kept_s) > SafetyLlmConfig().answer_timeout_s
