"""The simulated world: physics, the robot's base and lidar, and people.

It knows nothing of ROS nor of the wall clock: `advance` moves it on by a duration.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from eip_bringup.sim.dimensions import (
    BEAMS,
    LIDAR_HEIGHT,
    RANGE_MAX_M,
    RANGE_MIN_M,
    WHEEL_RADIUS,
    WHEEL_TRACK,
)
from eip_bringup.sim.kitchen import Kitchen, Pose
from eip_bringup.sim.model import PERSON_SLOTS, TIMESTEP_S, build_model
from eip_bringup.sim.people import People

__all__ = ['World']

# What the base's own motor controller does, whatever it is asked for.
MAX_SPEED_MPS = 1.0
MAX_TURN_RADPS = 2.5
SPEED_UP_MPS2 = 1.5
BRAKE_MPS2 = 3.0
TURN_RADPS2 = 8.0

PARKED = (0.0, 0.0, -9.0)


class World:
    """One robot in one site.

    `noise_m` is the standard deviation of a lidar range, `seed` makes it repeatable.
    """

    def __init__(self, kitchen: Kitchen, noise_m: float = 0.003, seed: int = 0) -> None:
        self.kitchen = kitchen
        self.people = People(
            PERSON_SLOTS, {resident.name: resident.kind for resident in kitchen.people.values()}
        )
        self._model = build_model(kitchen)
        self._data = mujoco.MjData(self._model)
        self._noise_m = noise_m
        self._random = np.random.default_rng(seed)
        angles = -math.pi + np.arange(BEAMS) * (2 * math.pi / BEAMS)
        self._beams = np.stack((np.cos(angles), np.sin(angles), np.zeros(BEAMS)))
        self._seen_groups = np.array([1, 1, 0, 0, 0, 0], dtype=np.uint8)
        self._base = self._model.body('base').id
        self._people_mocap = [self._mocap(f'person:{slot}') for slot in range(PERSON_SLOTS)]
        self._things_mocap = {name: self._mocap(f'object:{name}') for name in kitchen.things}
        self._wheel_dof = [self._model.joint(side).dofadr[0] for side in ('left', 'right')]
        self._asked = self._driven = (0.0, 0.0)
        self._left_over_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Put everything back to where it was at the start, standing still."""
        mujoco.mj_resetData(self._model, self._data)
        self._asked = self._driven = (0.0, 0.0)
        self.people.clear()
        for resident in self.kitchen.people.values():
            if resident.at is not None:
                self.people.move(resident.name, *resident.at)
        self._show_people()
        mujoco.mj_forward(self._model, self._data)

    @property
    def time_s(self) -> float:
        """Return the simulated time since the last reset, s."""
        return float(self._data.time)

    @property
    def pose(self) -> Pose:
        """Return the robot's true pose."""
        x, y = self._data.qpos[0:2]
        w, i, j, k = self._data.qpos[3:7]
        return Pose(float(x), float(y), math.atan2(2 * (w * k + i * j), 1 - 2 * (j * j + k * k)))

    @property
    def velocity(self) -> tuple[float, float]:
        """Return the robot's true speed ahead, m/s, and turn rate, rad/s."""
        vx, vy = self._data.qvel[0:2]
        yaw = self.pose.yaw
        return float(vx * math.cos(yaw) + vy * math.sin(yaw)), float(self._data.qvel[5])

    @property
    def wheel_velocity(self) -> tuple[float, float]:
        """Return speed ahead, m/s, and turn rate, rad/s, as the wheels' encoders tell them."""
        left, right = (float(self._data.qvel[dof]) * WHEEL_RADIUS for dof in self._wheel_dof)
        return (left + right) / 2, (right - left) / WHEEL_TRACK

    def drive(self, speed_mps: float, turn_radps: float) -> None:
        """Ask the base for a velocity; it holds until the next call. Not finite means stop."""
        if not (math.isfinite(speed_mps) and math.isfinite(turn_radps)):
            speed_mps = turn_radps = 0.0
        self._asked = (
            min(max(speed_mps, -MAX_SPEED_MPS), MAX_SPEED_MPS),
            min(max(turn_radps, -MAX_TURN_RADPS), MAX_TURN_RADPS),
        )

    def advance(self, duration_s: float) -> None:
        """Move the world on by `duration_s`, in whole physics steps; the rest is kept for later."""
        self._left_over_s += duration_s
        steps = int(self._left_over_s / TIMESTEP_S + 1e-9)
        if steps <= 0:
            return
        passed_s = steps * TIMESTEP_S
        self._left_over_s -= passed_s
        self.people.walk(passed_s)
        self._show_people()
        # The motor controller works at 50 Hz, as real ones do.
        while steps > 0:
            batch = min(steps, 10)
            self._ramp(batch * TIMESTEP_S)
            mujoco.mj_step(self._model, self._data, batch)
            steps -= batch

    def scan(self) -> NDArray[np.float32]:
        """Return 360 ranges in m, counter-clockwise from straight behind; inf where nothing is."""
        pose = self.pose
        cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
        x, y = self._beams[0], self._beams[1]
        rays = np.stack((cos * x - sin * y, sin * x + cos * y, self._beams[2]), axis=1).ravel()
        ranges = np.empty(BEAMS)
        mujoco.mj_multiRay(
            self._model,
            self._data,
            np.array([pose.x, pose.y, LIDAR_HEIGHT]),
            rays,
            self._seen_groups,
            True,
            self._base,
            np.empty(BEAMS, dtype=np.int32),
            ranges,
            None,
            BEAMS,
            RANGE_MAX_M,
        )
        ranges[ranges < 0] = np.inf
        ranges += self._random.normal(0.0, self._noise_m, BEAMS) if self._noise_m > 0 else 0.0
        ranges[(ranges > RANGE_MAX_M)] = np.inf
        return np.maximum(ranges, RANGE_MIN_M).astype(np.float32)

    def put(self, thing: str, position: tuple[float, float, float]) -> None:
        """Show an object at a position, m."""
        self._data.mocap_pos[self._things_mocap[thing]] = position

    def _mocap(self, body: str) -> int:
        return int(self._model.body(body).mocapid[0])

    def _show_people(self) -> None:
        shown = [(walker.x, walker.y, 0.0) for walker in self.people]
        shown += [PARKED] * (PERSON_SLOTS - len(shown))
        for mocap, position in zip(self._people_mocap, shown, strict=True):
            self._data.mocap_pos[mocap] = position

    def _ramp(self, duration_s: float) -> None:
        speed, turn = self._driven
        braking = abs(self._asked[0]) < abs(speed) or self._asked[0] * speed < 0
        speed = _towards(
            speed, self._asked[0], duration_s * (BRAKE_MPS2 if braking else SPEED_UP_MPS2)
        )
        turn = _towards(turn, self._asked[1], duration_s * TURN_RADPS2)
        self._driven = (speed, turn)
        half = turn * WHEEL_TRACK / 2
        self._data.ctrl[:] = ((speed - half) / WHEEL_RADIUS, (speed + half) / WHEEL_RADIUS)


def _towards(value: float, target: float, step: float) -> float:
    return target if abs(target - value) <= step else value + math.copysign(step, target - value)
