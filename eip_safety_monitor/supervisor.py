"""The one entry of the monitor's core: readings and requests in, state and events out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eip_safety_monitor.authorizer import Authorizer, StepAnswer
from eip_safety_monitor.causes import Cause
from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.events import Answer, Event, Severity, State
from eip_safety_monitor.heartbeats import HeartbeatWatch
from eip_safety_monitor.journal import Journal
from eip_safety_monitor.permits import Mode, SpeedLimits, StopCategory
from eip_safety_monitor.policy import Policy, Reaction
from eip_safety_monitor.readings import Beat, VerdictHeard
from eip_safety_monitor.state_store import Beginning, StateStore
from eip_safety_monitor.step_permits import PlanHeard, StepAsked
from eip_safety_monitor.stop_inputs.panel import StopPanel
from eip_safety_monitor.stop_latch import Input, StopLatch
from eip_safety_monitor.surroundings import Assessment, Surroundings
from eip_safety_monitor.watchdog import Condition

__all__ = ['Supervisor']

LONGEST_TEXT = 300
FOREIGN_MONITOR_S = 1.0
AUDIT_RETRY_S = 1.0


class Supervisor:
    """Joins latch, watchdogs and surroundings into one state.

    Call `tick` often; it looks at everything anew. Tightening acts first and is saved after the
    audit line; whatever permits more must be on disk before it acts.
    """

    def __init__(
        self,
        policy: Policy,
        clock: Clock,
        journal: Journal,
        store: StateStore,
        begin: Beginning,
        boot_id: str = '',
        stop_panel: StopPanel | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._journal = journal
        self._store = store
        self._latch = StopLatch(begin.mode)
        self._latched: dict[str, str] = dict(begin.causes)
        self.surroundings = Surroundings(policy, clock)
        self._stop_panel = stop_panel or StopPanel()
        self._authorizer = Authorizer(policy.step_permits, clock, journal)
        self._nodes = {node.name: HeartbeatWatch(node, clock, boot_id) for node in policy.nodes}
        self._standing: dict[str, Cause] = {}
        self._protective_ns = clock.now_ns()
        self._ticked_ns = clock.now_ns()
        self._retried_ns = clock.now_ns()
        self._reset_ns: int | None = None
        self._is_saved = False
        self._foreign_monitor_ns: int | None = None
        self._assessment = self.surroundings.assess()
        severity = Severity.STOP if begin.mode is Mode.STOPPED else Severity.INFO
        cause = next(iter(begin.causes), 'start')
        self._record(severity, 'start', cause, begin.message, begin.mode)
        self.settle()

    # What is heard beside the surroundings.

    def hear_beat(self, beat: Beat, received_ns: int | None = None) -> None:
        """Take a heartbeat; one of a node that is not watched changes nothing."""
        watch = self._nodes.get(beat.node)
        if watch is not None:
            watch.hear(beat, received_ns)

    def hear_other_monitor(self) -> None:
        """Note that another safety monitor speaks for this robot."""
        self._foreign_monitor_ns = self._clock.now_ns()

    def hear_verdict(self, verdict: VerdictHeard) -> None:
        """Log a verdict of the guard."""
        rules = ', '.join(verdict.rules)
        message = f'{verdict.decision}: {_short(verdict.text)}'
        severity = Severity.INFO if verdict.decision == 'allow' else Severity.WARNING
        self._record(
            severity,
            'verdict',
            rules or verdict.decision,
            message,
            self.mode,
            reason=_short(verdict.reason),
            request_id=verdict.request_id,
            stage=verdict.stage,
            step_index=verdict.step_index,
            safety_score=round(verdict.safety_score, 6),
        )

    def hear_plan(self, plan: PlanHeard) -> None:
        """Take a plan; its steps may be asked for once it is approved."""
        self._authorizer.hear_plan(plan, self.mode)

    def authorize(self, asked: StepAsked) -> StepAnswer:
        """Return whether a skill server may do a step now; any stop ends what was permitted."""
        return self._authorizer.authorize(asked, self.mode, self._why())

    # What a person asks.

    def emergency_stop(self, message: str = 'an operator asked for an emergency stop') -> Answer:
        """Latch a stop at once."""
        self._stop(Cause('operator.emergency_stop', Reaction.STOP, message))
        return Answer(True, 'stopped; reset, then arm to go on')

    def reset(self, operator_name: str, reason: str) -> Answer:
        """Clear the latch, which ends in DISARMED; refused for the reasons of the house rules."""
        refusal = self._no_name(operator_name, reason)
        if not refusal and not self._latch.can(Input.RESET):
            refusal = 'no stop is latched'
        refusal = refusal or self._too_soon() or self._held() or self._moving()
        if refusal:
            return self._refuse('reset', refusal, operator_name, reason)
        message = f'reset of {", ".join(self._latched) or "a stop"}'
        if not self._relax(Input.RESET, 'reset', message, operator_name, reason):
            return Answer(False, f'refused: {self._journal.problem}')
        self._reset_ns = self._clock.now_ns()
        return Answer(True, 'the stop is cleared; arm to permit motion')

    def arm(self, operator_name: str, reason: str) -> Answer:
        """Permit motion; refused while a stop is latched, a cause stands or a need is unknown."""
        refusal = self._no_name(operator_name, reason)
        if not refusal and self.mode is Mode.STOPPED:
            refusal = f'a stop is latched by {", ".join(self._latched)}; reset first'
        refusal = refusal or self._held() or self._unknown()
        if not refusal and self.mode is Mode.DISARMED:
            refusal = self._moving()
        if refusal:
            return self._refuse('arm', refusal, operator_name, reason)
        if self._latch.is_armed:
            return Answer(True, 'already armed')
        if not self._relax(Input.ARM, 'arm', 'motion is permitted', operator_name, reason):
            return Answer(False, f'refused: {self._journal.problem}')
        self.surroundings.note_armed(operator_name)
        self._look()
        held = self.state().cause
        return Answer(True, f'armed; held: {held}' if held else 'armed')

    def disarm(self) -> Answer:
        """Withdraw the permission to move."""
        if self.mode is Mode.STOPPED:
            return Answer(True, 'a stop is latched and stays; motion is not permitted')
        change = self._latch.peek(Input.DISARM)
        if change is None or change.before is change.after:
            return Answer(True, 'already disarmed')
        message = 'an operator withdrew the permission to move'
        self._record(Severity.INFO, 'disarm', 'operator.disarm', message, change.after)
        self._latch.apply(Input.DISARM)
        self._is_saved = False
        return Answer(True, 'disarmed')

    # Time.

    def tick(self) -> None:
        """Look at everything anew; call at 25 Hz at the least."""
        now_ns = self._clock.now_ns()
        stall_s = seconds(now_ns - self._ticked_ns)
        self._ticked_ns = now_ns
        if stall_s > self._policy.longest_stall_s and self._latch.is_armed:
            message = f'the monitor itself did not run for {stall_s:.1f} s'
            self._stop(Cause('monitor.stalled', Reaction.STOP, message))
        if self._journal.problem and seconds(now_ns - self._retried_ns) > AUDIT_RETRY_S:
            self._retried_ns = now_ns
            self._journal.try_again(self.mode)
        self._look()

    def settle(self) -> None:
        """Save the latch if it changed; call after the state was published."""
        if self._is_saved:
            return
        try:
            self._store.save(self.mode, self._latched)
            self._is_saved = True
        except OSError as error:
            self._journal.problem = _unsaved(error)

    def shut_down(self) -> None:
        """End in good order: an armed robot comes up disarmed."""
        after = Mode.STOPPED if self.mode is Mode.STOPPED else Mode.DISARMED
        self._record(Severity.INFO, 'shutdown', 'shutdown', 'the monitor ends', after)
        if self.mode is not Mode.STOPPED:
            self._latch.apply(Input.DISARM)
        self._is_saved = False
        self.settle()
        self._journal.close()

    @property
    def mode(self) -> Mode:
        """Return the mode now."""
        return self._latch.mode

    @property
    def problem(self) -> str:
        """Return why the monitor cannot do its job, empty when it can."""
        return self._journal.problem

    @property
    def is_armed(self) -> bool:
        """Tell whether motion is permitted, or would be but for a self-clearing cause."""
        return self._latch.is_armed

    def take_events(self) -> list[Event]:
        """Return the changes since the last call."""
        return self._journal.take()

    def state(self) -> State:
        """Return the state now."""
        seen = self._assessment
        is_armed = self.mode is Mode.ARMED
        robot = self._policy.robot
        linear_mps = min(robot.max_linear_speed_mps, max(0.0, seen.permitted_mps))
        causes = dict.fromkeys((*self._latched, *self._standing))
        return State(
            mode=self.mode,
            limits=SpeedLimits(linear_mps, robot.max_angular_speed_radps)
            if is_armed
            else SpeedLimits(),
            stop_category=self._category(),
            is_resettable=self.mode is Mode.STOPPED
            and not (self._too_soon() or self._held() or self._moving()),
            cause='' if is_armed else self._why(),
            active_causes=tuple(causes),
            nearest_person_m=seen.nearest_person_m,
            nearest_obstacle_m=seen.nearest_obstacle_m,
            protective_distance_m=seen.protective_m,
        )

    def _look(self) -> None:
        if not self._latch.is_armed:
            self.surroundings.note_disarmed()
        if self.mode is not Mode.ARMED:
            self._authorizer.revoke_all(self.mode)
        self._assessment = self.surroundings.assess()
        for note in self._assessment.notes:
            self._record(Severity.INFO, 'zone', note.identifier, note.message, self.mode)
        causes = {cause.identifier: cause for cause in self._causes(self._assessment)}
        new = [cause for name, cause in causes.items() if name not in self._standing]
        gone = [cause for name, cause in self._standing.items() if name not in causes]
        self._standing = causes
        for cause in new:
            self._begin(cause)
        for cause in gone:
            if cause.reaction is Reaction.WARN or self._only_refuses_arming(cause):
                message = f'no longer: {cause.message}'
                self._record(Severity.INFO, 'clear', cause.identifier, message, self.mode)
        self._protect()

    def _causes(self, seen: Assessment) -> Sequence[Cause]:
        causes = [*self._stop_panel.causes(), *seen.causes]
        causes += [cause for watch in self._nodes.values() if (cause := watch.cause())]
        if self._journal.problem:
            causes.append(Cause('audit.failed', Reaction.STOP, self._journal.problem))
        if self._is_foreign_monitor_heard():
            message = 'another safety monitor speaks for this robot'
            causes.append(Cause('monitor.second', Reaction.STOP, message))
        return causes

    def _is_foreign_monitor_heard(self) -> bool:
        if self._foreign_monitor_ns is None:
            return False
        return seconds(self._clock.now_ns() - self._foreign_monitor_ns) < FOREIGN_MONITOR_S

    def _begin(self, cause: Cause) -> None:
        if cause.reaction is Reaction.WARN or self._only_refuses_arming(cause):
            self._record(Severity.WARNING, 'warning', cause.identifier, cause.message, self.mode)
        elif cause.reaction is Reaction.STOP:
            self._stop(cause)
        elif self.mode is Mode.PROTECTIVE:
            self._record(
                Severity.WARNING, 'protective_stop', cause.identifier, cause.message, self.mode
            )

    def _only_refuses_arming(self, cause: Cause) -> bool:
        return (
            cause.reaction is Reaction.STOP
            and not cause.latches_disarmed
            and self.mode is Mode.DISARMED
        )

    def _protect(self) -> None:
        held = [c for c in self._standing.values() if c.reaction is Reaction.PROTECTIVE]
        now_ns = self._clock.now_ns()
        if held:
            self._protective_ns = now_ns
        if held and self.mode is Mode.ARMED:
            cause = held[0]
            self._record(
                Severity.STOP, 'protective_stop', cause.identifier, cause.message, Mode.PROTECTIVE
            )
            self._latch.apply(Input.PROTECT)
        clear_s = seconds(now_ns - self._protective_ns)
        if self.mode is Mode.PROTECTIVE and clear_s >= self._policy.people.clear_time_s:
            self._relax(Input.CLEAR, 'clear', 'nothing holds the robot any more', '', '')

    def _stop(self, cause: Cause) -> None:
        change = self._latch.peek(Input.STOP)
        assert change is not None, 'a stop is possible from every mode'
        is_new = cause.identifier not in self._latched or self.mode is not Mode.STOPPED
        # The audit line comes first; should writing hang, the permit expires and the gate stops.
        if is_new:
            self._record(Severity.STOP, 'stop', cause.identifier, cause.message, change.after)
        self._latch.apply(Input.STOP)
        self._latched[cause.identifier] = cause.message
        self._is_saved = self._is_saved and not is_new

    def _relax(self, what: Input, kind: str, message: str, operator_name: str, reason: str) -> bool:
        change = self._latch.peek(what)
        if change is None:
            return False
        is_logged = self._record(
            Severity.INFO, kind, kind, message, change.after, operator_name, reason
        )
        if not is_logged:
            return False
        latched = {} if what is Input.RESET else self._latched
        try:
            self._store.save(change.after, latched)
        except OSError as error:
            self._journal.problem = _unsaved(error)
            return False
        # However quickly one stop was cleared: nothing permitted before it holds after it.
        self._authorizer.revoke_all(self.mode)
        self._latch.apply(what)
        self._latched = dict(latched)
        return True

    def _refuse(self, what: str, why: str, operator_name: str, reason: str) -> Answer:
        message = f'{what} refused: {why}'
        name, text = _short(operator_name), _short(reason)
        self._record(
            Severity.WARNING, 'refused', f'operator.{what}', message, self.mode, name, text
        )
        return Answer(False, f'refused: {why}')

    def _no_name(self, operator_name: str, reason: str) -> str:
        if not operator_name.strip() or len(operator_name) > LONGEST_TEXT:
            return 'operator_name is empty or too long; say who asks'
        if not reason.strip() or len(reason) > LONGEST_TEXT:
            return 'reason is empty or too long; say why it is safe'
        return ''

    def _too_soon(self) -> str:
        if self._reset_ns is None:
            return ''
        left_s = self._policy.operator.cooldown_s - seconds(self._clock.now_ns() - self._reset_ns)
        return f'the last reset was just now; wait {left_s:.1f} s' if left_s > 0.0 else ''

    def _held(self) -> str:
        stops = [c.message for c in self._standing.values() if c.reaction is Reaction.STOP]
        return '; '.join(stops)

    def _unknown(self) -> str:
        missing = self.surroundings.missing()
        missing += [
            name
            for name, watch in self._nodes.items()
            if watch.policy.reaction is Reaction.STOP and watch.condition() is Condition.STARTING
        ]
        if missing:
            return f'nothing has come yet of {", ".join(missing)}'
        return '; '.join(
            f'{name} is not ready: {watch.waits_for}; try again'
            for name, watch in self._nodes.items()
            if watch.policy.reaction is Reaction.STOP and watch.waits_for
        )

    def _moving(self) -> str:
        return '' if self.surroundings.is_standing else 'the robot is not known to stand still'

    def _why(self) -> str:
        if self.mode is Mode.DISARMED:
            return '; '.join(filter(None, ('not armed', self._held())))
        if self.mode is Mode.PROTECTIVE:
            held = [c.message for c in self._standing.values() if c.reaction is Reaction.PROTECTIVE]
            return '; '.join(held) or 'clear, about to go on'
        return '; '.join(self._latched.values()) or 'a stop is latched'

    def _category(self) -> StopCategory:
        if self.mode is Mode.ARMED:
            return StopCategory.NONE
        if self.mode is Mode.STOPPED:
            return self._policy.stop.emergency
        return self._policy.stop.protective

    def _record(
        self,
        severity: Severity,
        kind: str,
        cause: str,
        message: str,
        after: Mode,
        operator_name: str = '',
        reason: str = '',
        **more: Any,
    ) -> bool:
        return self._journal.record(
            severity, kind, cause, message, self.mode, after, operator_name, reason, **more
        )


def _unsaved(error: OSError) -> str:
    return f'the latch cannot be saved: {error}; free or remount the disk, or set another state_dir'


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + '…'
