"""The services and the action of `safety_llm`: messages in, the desk's outcomes out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from rclpy.action.server import ActionServer, CancelResponse
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup

from eip.action import Generate
from eip.srv import CheckCommand, ConfirmCommand, GenerateBatch, GenerateResponse
from eip_llm_interface import conversions
from eip_llm_interface.command_desk import one_line
from eip_llm_interface.confirmations import ConfirmationError
from eip_llm_interface.outcome import Outcome, Request, refused
from eip_llm_interface.work_queue import BusyError
from eip_ros.names import Service

if TYPE_CHECKING:
    from eip_llm_interface.safety_llm_node import SafetyLlmNode

__all__ = ['MAX_BATCH', 'SafetyLlmServices']

MAX_BATCH = 64


class SafetyLlmServices:
    """Offers what callers may ask of the node; each waits in the queue's urgent lane.

    Waiting callbacks are in groups of their own, so that heartbeats and topics go on meanwhile.
    """

    def __init__(self, node: SafetyLlmNode) -> None:
        self._node = node
        self._stream_slot = threading.Semaphore(1)
        asking, confirming = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        services: tuple[tuple[Any, str, Any, Any], ...] = (
            (CheckCommand, Service.CHECK_COMMAND, self._on_check, asking),
            (GenerateResponse, Service.GENERATE, self._on_generate, asking),
            (GenerateBatch, Service.GENERATE_BATCH, self._on_batch, asking),
            (ConfirmCommand, Service.CONFIRM, self._on_confirm, confirming),
        )
        for kind, name, callback, group in services:
            node.create_service(kind, f'~/{name}', callback, callback_group=group)
        self._action = ActionServer(
            node,
            Generate,
            f'~/{Service.GENERATE_STREAM}',
            self._on_stream,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
            result_timeout=60,
        )

    def destroy(self) -> None:
        """End the action server; the node ends its own services."""
        self._action.destroy()

    def _on_check(self, asked: Any, answer: Any) -> Any:
        request = Request(asked.text, 'check', conversions.context_from_message(asked.context))
        outcome = self._await(request, lambda: self._node.desk.check(request))
        result = conversions.result_to_message(outcome, self._node.now())
        answer.success, answer.error, answer.verdict = result.success, result.error, result.verdict
        return answer

    def _on_generate(self, asked: Any, answer: Any) -> Any:
        context = conversions.context_from_message(asked.context)
        request = Request(asked.command, 'generate', context, asked.execute)
        outcome = self._await(request, lambda: self._node.desk.generate(request))
        answer.result = conversions.result_to_message(outcome, self._node.now())
        return answer

    def _on_batch(self, asked: Any, answer: Any) -> Any:
        commands, contexts = list(asked.commands), list(asked.contexts)
        if not 1 <= len(commands) <= MAX_BATCH:
            answer.error = f'{len(commands)} commands given, give 1 to {MAX_BATCH}'
            return answer
        if len(contexts) not in (0, 1, len(commands)):
            answer.error = (
                f'{len(contexts)} contexts for {len(commands)} commands given, '
                'give one each, one for all, or none'
            )
            return answer
        scenes = [conversions.context_from_message(context) for context in contexts] or [None]
        if len(scenes) == 1:
            scenes *= len(commands)
        requests = [
            Request(text, 'batch', scene) for text, scene in zip(commands, scenes, strict=True)
        ]
        outcomes = self._await_all(requests, lambda: self._node.desk.generate_batch(requests))
        answer.success = True
        answer.results = [conversions.result_to_message(o, self._node.now()) for o in outcomes]
        return answer

    def _on_confirm(self, asked: Any, answer: Any) -> Any:
        desk = self._node.confirm_desk
        name, reason = asked.operator_name, asked.reason
        try:
            # Off the shelf before it queues: an answer in time does not expire behind other work.
            held = desk.store.take(asked.request_id, name, reason)
            if asked.approve:
                answer.success, message = self._await_yes(held, name, reason)
            else:
                answer.success, message = desk.decline(held, name, reason)
        except ConfirmationError as error:
            answer.success, message = False, str(error)
        except Exception as error:  # a failed answer must not end the node
            self._node.log_failure(error)
            answer.success, message = False, f'not carried out: {one_line(error)}'
        answer.message = conversions.safe_text(message)
        return answer

    def _await_yes(self, held: Outcome, name: str, reason: str) -> tuple[bool, str]:
        desk = self._node.confirm_desk
        try:
            future = self._node.queue.submit(lambda: desk.approve(held, name, reason), urgent=True)
        except BusyError as error:
            return False, desk.put_back(held, str(error))
        try:
            return future.result(self._node.config.answer_timeout_s)
        except (TimeoutError, CancelledError):
            future.cancel()
            return False, desk.give_up(held, self._too_late())

    def _on_stream(self, goal: Any) -> Any:
        asked = goal.request
        context = conversions.context_from_message(asked.context)
        request = Request(asked.command, 'stream', context, asked.execute)

        def tell(stage: str, text: str, tokens: int) -> None:
            goal.publish_feedback(
                Generate.Feedback(
                    stage=stage, text=conversions.safe_text(text), generated_tokens=tokens
                )
            )

        def is_cancelled() -> bool:
            return bool(goal.is_cancel_requested) or request.withdrawn.is_set()

        if self._stream_slot.acquire(blocking=False):
            try:
                outcome = self._await(
                    request, lambda: self._node.desk.stream(request, tell, is_cancelled)
                )
            finally:
                self._stream_slot.release()
        else:
            outcome = self._node.refuse_busy(request, BusyError('busy: another stream is running'))
        if goal.is_cancel_requested and not outcome.success:
            goal.canceled()
        elif outcome.success:
            goal.succeed()
        else:
            goal.abort()
        return Generate.Result(result=conversions.result_to_message(outcome, self._node.now()))

    def _await(self, request: Request, job: Callable[[], Outcome]) -> Outcome:
        return self._await_all([request], lambda: [job()])[0]

    def _await_all(
        self, requests: list[Request], job: Callable[[], list[Outcome]]
    ) -> list[Outcome]:
        try:
            future = self._node.queue.submit(job, urgent=True)
        except BusyError as error:
            return [self._node.refuse_busy(request, error) for request in requests]
        try:
            return future.result(self._node.config.answer_timeout_s)
        except (TimeoutError, CancelledError):
            for request in requests:
                request.withdrawn.set()
            future.cancel()
            reason = self._too_late()
            return [
                self._node.desk.refuse(request, 'system.timeout', reason) for request in requests
            ]
        except Exception as error:  # nothing could be published; the caller still gets its no
            self._node.log_failure(error)
            return [refused(request, 'system.failed', one_line(error)) for request in requests]

    def _too_late(self) -> str:
        return f'no answer within {self._node.config.answer_timeout_s:g} s'
