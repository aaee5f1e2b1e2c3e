"""Answers that were already worked out, by command and scene."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.scene import SceneFacts

__all__ = ['ResponseCache']

AnswerT = TypeVar('AnswerT')


class ResponseCache(Generic[AnswerT]):
    """A small store, least recently used out first; safe to call from any thread.

    The key holds the command as the guard reads it and the whole scene, so that whatever changes
    in the scene is a miss. Size 0 stores nothing.
    """

    def __init__(self, size: int = 256) -> None:
        if size < 0:
            raise ValueError(f'size is {size}, must be at least 0')
        self._size = size
        self._answers: OrderedDict[str, AnswerT] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, command: object, scene: SceneFacts) -> AnswerT | None:
        """Return the stored answer, None when there is none."""
        if not self._size:
            return None
        key = _key(command, scene)
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def put(self, command: object, scene: SceneFacts, answer: AnswerT) -> None:
        """Store `answer`."""
        if not self._size:
            return
        with self._lock:
            self._answers[_key(command, scene)] = answer
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)

    def clear(self) -> int:
        """Forget all answers and return how many there were."""
        with self._lock:
            count = len(self._answers)
            self._answers.clear()
            return count

    def __len__(self) -> int:
        return len(self._answers)


def _key(command: object, scene: SceneFacts) -> str:
    read = normalise(command)
    facts = sorted(scene.facts.items())
    known = (scene.people, scene.objects, scene.held_object, scene.zone, scene.speed_mps)
    return repr((read.text, read.findings, known, scene.description, facts))
