"""What leaves the motion gate: a wanted velocity under a fresh permit, else zero.

Decided anew at every call from the newest permit, the newest wanted velocity and the clock, so
that nothing has to arrive for the robot to stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.permits import Mode, Permit, PermitJudge, SpeedLimits, StopCategory
from eip_safety_monitor.ramp import Ramp, RampConfig
from eip_safety_monitor.velocity import ZERO, Velocity

__all__ = ['Gate', 'GateConfig', 'GateOutput', 'Reason']


class Reason(StrEnum):
    """Why the gate gives what it gives."""

    PASSING = 'passing'
    LIMITED = 'limited'
    IDLE = 'no velocity is wanted'
    STALE_COMMAND = 'the wanted velocity is too old'
    BAD_COMMAND = 'the wanted velocity is not a number'
    BAD_STAMP = 'the stamp of the wanted velocity does not fit'
    NO_PERMIT = 'no usable permit'
    STARTED = 'the gate was started while motion was permitted; disarm, then arm'
    STOPPED = 'the monitor does not permit motion'
    RAMP = 'slowing down to a stop'


@dataclass(frozen=True)
class GateConfig:
    """How long things may be used and how fast the gate may ever let the robot go."""

    command_timeout_s: float = field(
        default=0.25,
        metadata={
            'description': 'oldest wanted velocity that may still act',
            'unit': 's',
            'range': (0.02, 2.0),
        },
    )
    max_linear_speed_mps: float = field(
        default=0.8,
        metadata={
            'description': 'greatest linear speed, whatever the permit says',
            'unit': 'm/s',
            'range': (0.0, 10.0),
        },
    )
    max_angular_speed_radps: float = field(
        default=1.9,
        metadata={
            'description': 'greatest angular speed, whatever the permit says',
            'unit': 'rad/s',
            'range': (0.0, 10.0),
        },
    )
    stamped: bool = field(
        default=False,
        metadata={
            'description': 'take and give geometry_msgs/TwistStamped instead of Twist; '
            'what is stamped too old or ahead is refused',
        },
    )
    stamp_ahead_s: float = field(
        default=0.05,
        metadata={
            'description': 'how far ahead of the clock a stamp may be',
            'unit': 's',
            'range': (0.0, 0.5),
        },
    )
    remote_monitor: bool = field(
        default=False,
        metadata={
            'description': 'the safety monitor runs on another host: believe permits of another '
            'boot, which a recording played back also holds',
        },
    )
    ramp: RampConfig = field(default_factory=RampConfig)

    def __post_init__(self) -> None:
        for name in (
            'command_timeout_s',
            'max_linear_speed_mps',
            'max_angular_speed_radps',
            'stamp_ahead_s',
        ):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0.0:
                raise ValueError(f'{name} is {value}, set a number of at least 0')


@dataclass(frozen=True)
class GateOutput:
    """What goes to the wheels now, why, and a word more about it."""

    velocity: Velocity
    reason: Reason
    detail: str = ''


class Gate:
    """Joins permits and wanted velocities into what may go to the wheels.

    A new gate starts stopped: it passes nothing before it has heard the monitor forbid motion, so
    that one that was restarted while driving does not drive on.
    """

    def __init__(self, config: GateConfig, clock: Clock, boot_id: str) -> None:
        self._config = config
        self._clock = clock
        self.judge = PermitJudge(clock, boot_id, config.remote_monitor)
        self._ramp = Ramp(config.ramp)
        self._command = ZERO
        self._command_ns: int | None = None
        self._refused: GateOutput | None = None
        self._is_primed = False
        self._last = GateOutput(ZERO, Reason.NO_PERMIT)
        self.bad_commands = 0

    def hear_permit(self, permit: Permit, received_ns: int | None = None) -> bool:
        """Take one message of the monitor; return False when it was refused."""
        return self.judge.hear(permit, received_ns)

    def hear_command(
        self, velocity: Velocity, received_ns: int | None = None, stamp_age_s: float | None = None
    ) -> bool:
        """Take a wanted velocity; return False when it is refused, which stops.

        It must be finite and, where it carries a stamp, neither ahead of its time nor too old to
        act; `stamp_age_s` is the time since the stamp by the clock that made it.
        """
        now_ns = self._clock.now_ns()
        self._command_ns = now_ns if received_ns is None else min(received_ns, now_ns)
        self._refused = self._refusal(velocity, stamp_age_s)
        self._command = ZERO if self._refused else velocity
        if self._refused:
            self.bad_commands += 1
        elif stamp_age_s is not None:
            self._command_ns = min(self._command_ns, now_ns - int(stamp_age_s * 1e9))
        return self._refused is None

    def output(self) -> GateOutput:
        """Return what may go to the wheels at this moment."""
        problem = self.judge.problem()
        permit = self.judge.latest
        if problem or permit is None:
            self._ramp.end()
            return self._remember(GateOutput(ZERO, Reason.NO_PERMIT, problem))
        if not permit.motion_permitted or permit.mode is not Mode.ARMED:
            self._is_primed = True
            return self._remember(self._stopping(permit))
        self._ramp.end()
        if not self._is_primed:
            return self._remember(GateOutput(ZERO, Reason.STARTED))
        return self._remember(self._permitted(permit.limits))

    @property
    def refused(self) -> GateOutput | None:
        """Return what the newest wanted velocity leads to when it was refused, else None."""
        return self._refused

    @property
    def waits_for(self) -> str:
        """Return what must happen before this gate can pass anything; empty when it is ready."""
        if self._is_primed:
            return ''
        if self.judge.latest is None and self.judge.refusal:
            return self.judge.refusal
        return 'it has not heard the monitor forbid motion yet'

    @property
    def last(self) -> GateOutput:
        """Return what `output` gave last."""
        return self._last

    def _permitted(self, limits: SpeedLimits) -> GateOutput:
        if self._command_ns is None:
            return GateOutput(ZERO, Reason.IDLE)
        if self._refused is not None:
            return self._refused
        age_s = seconds(self._clock.now_ns() - self._command_ns)
        if age_s > self._config.command_timeout_s:
            return GateOutput(ZERO, Reason.STALE_COMMAND, f'{age_s:.2f} s old')
        ratio = min(
            1.0,
            _ratio(limits.linear_mps, self._command.linear_mps),
            _ratio(limits.angular_radps, self._command.angular_radps),
            _ratio(self._config.max_linear_speed_mps, self._command.linear_mps),
            _ratio(self._config.max_angular_speed_radps, self._command.angular_radps),
        )
        reason = Reason.PASSING if ratio >= 1.0 else Reason.LIMITED
        return GateOutput(self._command.scaled(ratio), reason)

    def _refusal(self, velocity: Velocity, stamp_age_s: float | None) -> GateOutput | None:
        if not velocity.is_finite():
            return GateOutput(ZERO, Reason.BAD_COMMAND)
        if stamp_age_s is None:
            return None
        if -self._config.stamp_ahead_s <= stamp_age_s <= self._config.command_timeout_s:
            return None
        side = 'ahead' if stamp_age_s < 0.0 else 'old'
        return GateOutput(ZERO, Reason.BAD_STAMP, f'{abs(stamp_age_s):.2f} s {side}')

    def _stopping(self, permit: Permit) -> GateOutput:
        stopped = GateOutput(ZERO, Reason.STOPPED, permit.cause)
        if permit.stop_category is not StopCategory.CONTROLLED:
            self._ramp.end()
            return stopped
        now_ns = self._clock.now_ns()
        if self._last.reason in (Reason.PASSING, Reason.LIMITED):
            self._ramp.begin(self._last.velocity, now_ns)
        velocity = self._ramp.velocity(now_ns)
        if velocity.is_zero():
            self._ramp.end()
            return stopped
        return GateOutput(velocity, Reason.RAMP, permit.cause)

    def _remember(self, output: GateOutput) -> GateOutput:
        self._last = output
        return output


def _ratio(limit: float, speed: float) -> float:
    return limit / speed if speed > limit else 1.0
