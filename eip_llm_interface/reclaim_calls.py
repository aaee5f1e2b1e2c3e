"""Ask other nodes to shrink, all at once, and wait no longer than agreed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from eip.srv import ReclaimMemory
from eip_ros.names import Service, private

__all__ = ['ReclaimCalls']

MAX_CLIENTS = 64


class ReclaimCalls:
    """Keeps one client per node; a node that offers no reclaim service is never asked.

    Beyond 64 nodes the one known longest is forgotten.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._group = ReentrantCallbackGroup()
        self._clients: dict[str, Any] = {}

    def prepare(self, name: str) -> None:
        """Begin to look for the reclaim service of the node `name`."""
        if name in self._clients or name == self._node.get_name():
            return
        if len(self._clients) >= MAX_CLIENTS:
            self._node.destroy_client(self._clients.pop(next(iter(self._clients))))
        self._clients[name] = self._node.create_client(
            ReclaimMemory, private(name, Service.RECLAIM), callback_group=self._group
        )

    def offers(self, name: str) -> bool:
        """Tell whether the node `name` can be asked now."""
        client = self._clients.get(name)
        return client is not None and bool(client.service_is_ready())

    def ask(
        self, names: Iterable[str], target_mib: float, urgency: int, timeout_s: float
    ) -> dict[str, Any]:
        """Ask `names` to free `target_mib` each; return the answers that came in time, by name.

        Blocks for `timeout_s` at most; call it outside the group that serves the answers.
        """
        request = ReclaimMemory.Request(target_mib=float(target_mib), urgency=urgency)
        ready = {name: self._clients[name] for name in names if self.offers(name)}
        answers: dict[str, Any] = {}
        if not ready:
            return answers
        all_done = threading.Event()
        left = set(ready)
        lock = threading.Lock()

        def take(name: str, future: Any) -> None:
            with lock:
                if not future.cancelled() and future.exception() is None:
                    answers[name] = future.result()
                left.discard(name)
                if not left:
                    all_done.set()

        futures = {name: client.call_async(request) for name, client in ready.items()}
        for name, future in futures.items():
            future.add_done_callback(lambda done, name=name: take(name, done))
        all_done.wait(timeout_s)
        for name, future in futures.items():
            if not future.done():
                ready[name].remove_pending_request(future)
        with lock:
            return dict(answers)
