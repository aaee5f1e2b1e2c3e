"""The newest known scene, and whether it may still be believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from eip_llm_interface.guard.scene import PersonFacts, SceneFacts

__all__ = ['SceneBoard', 'is_changed']

NEAR_M = (1.0, 2.0, 4.0)
"""Bounds between which a person's distance counts as the same."""


class SceneBoard:
    """Keeps the newest scene; one older than `timeout_s` means that nothing is known."""

    def __init__(self, timeout_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._scene: SceneFacts | None = None
        self._seen_s = 0.0

    def put(self, scene: SceneFacts) -> None:
        """Take `scene` as seen now."""
        with self._lock:
            self._scene, self._seen_s = scene, self._clock()

    def current(self) -> SceneFacts:
        """Return the newest scene; an empty one, which knows nothing, when it is stale."""
        with self._lock:
            fresh = self._scene is not None and self._clock() - self._seen_s <= self.timeout_s
            return self._scene if fresh and self._scene is not None else SceneFacts()

    def age_s(self) -> float | None:
        """Return the age of the newest scene in s; None when none has come."""
        with self._lock:
            return None if self._scene is None else self._clock() - self._seen_s


def is_changed(before: SceneFacts, after: SceneFacts) -> bool:
    """Tell whether two scenes differ in something that a verdict may rest upon.

    A robot's own speed and small movements of people do not count; who is there, roughly how
    near, what is held, where things are and every named fact do.
    """
    return _essence(before) != _essence(after)


def _essence(scene: SceneFacts) -> tuple[object, ...]:
    return (
        sorted((person.kind, _nearness(person)) for person in scene.people),
        sorted((thing.name, thing.kind, thing.place) for thing in scene.objects),
        scene.held_object,
        scene.zone,
        scene.description,
        dict(scene.facts),
    )


def _nearness(person: PersonFacts) -> int:
    if person.distance_m is None:
        return -1
    return sum(person.distance_m > bound for bound in NEAR_M)
