"""Why a reset or an arming is refused."""

from __future__ import annotations

from collections.abc import Mapping

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.latch.standing import StandingCauses
from eip_safety_monitor.latch.state_store import Moment
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.policy import Reaction
from eip_safety_monitor.surroundings import STANDING_S, Surroundings
from eip_safety_monitor.watch.node_watches import NodeWatches

__all__ = ['LONGEST_TEXT', 'Refusals']

LONGEST_TEXT = 300
NOT_STANDING = f'the robot is not known to have stood still for {STANDING_S:g} s'


class Refusals:
    """The house rules for what permits more; an empty text means that nothing is against it."""

    def __init__(
        self,
        clock: Clock,
        cooldown_s: float,
        nodes: NodeWatches,
        surroundings: Surroundings,
        standing: StandingCauses,
        boot_id: str,
    ) -> None:
        self._clock = clock
        self._cooldown_s = cooldown_s
        self._nodes = nodes
        self._surroundings = surroundings
        self._standing = standing
        self._boot_id = boot_id

    def of_reset(self, mode: Mode, last_reset: Moment | None) -> str:
        """Return why a stop cannot be reset now."""
        if mode is not Mode.STOPPED:
            return 'no stop is latched'
        return self._too_soon(last_reset) or self._held() or self._moving()

    def of_arm(self, mode: Mode, latched: Mapping[str, str]) -> str:
        """Return why motion cannot be permitted now."""
        if mode is Mode.STOPPED:
            return f'a stop is latched by {", ".join(latched)}; reset first'
        refusal = self._held() or self._unknown()
        return refusal or (self._moving() if mode is Mode.DISARMED else '')

    def of_request(self, operator_name: str, reason: str) -> str:
        """Return what is wrong with the words of a request."""
        if not operator_name.strip() or len(operator_name) > LONGEST_TEXT:
            return 'operator_name is empty or too long; say who asks'
        if not reason.strip() or len(reason) > LONGEST_TEXT:
            return 'reason is empty or too long; say why it is safe'
        return ''

    def _too_soon(self, last_reset: Moment | None) -> str:
        if last_reset is None:
            return ''
        now_ns = self._clock.now_ns()
        # Of a reset before this boot no more is known than that it was before it: before 0 ns.
        is_known = last_reset.boot_id == self._boot_id and last_reset.monotonic_ns <= now_ns
        left_s = self._cooldown_s - seconds(now_ns - (last_reset.monotonic_ns if is_known else 0))
        return f'the last reset was just now; wait {left_s:.1f} s' if left_s > 0.0 else ''

    def _held(self) -> str:
        return self._standing.told(Reaction.STOP)

    def _unknown(self) -> str:
        missing = [*self._surroundings.missing(), *self._nodes.missing()]
        if missing:
            return f'nothing has come yet of {", ".join(missing)}'
        return self._nodes.not_ready()

    def _moving(self) -> str:
        return '' if self._surroundings.is_standing else NOT_STANDING
