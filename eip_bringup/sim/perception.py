"""Keeps the newest of every input and forgets what is too old."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eip_bringup.sim.kitchen import Pose
from eip_bringup.sim.senses import Permit, Senses

__all__ = ['Perception']


class Perception:
    """Collects what arrives, each with its monotonic time in s, and answers with one `Senses`."""

    def __init__(self, permit_timeout_s: float, sensor_timeout_s: float) -> None:
        self._permit_timeout_s = permit_timeout_s
        self._sensor_timeout_s = sensor_timeout_s
        self._latest = Senses()
        self._permit_at = self._pose_at = self._scan_at = -math.inf

    def permit(self, permit: Permit, at_s: float) -> None:
        """Take the safety monitor's permit, given at `at_s`."""
        self._latest, self._permit_at = replace(self._latest, permit=permit), at_s

    def pose(self, pose: Pose, at_s: float) -> None:
        """Take the robot's pose."""
        self._latest, self._pose_at = replace(self._latest, pose=pose), at_s

    def scan(self, ranges: NDArray[np.float32], angles: NDArray[np.float32], at_s: float) -> None:
        """Take a scan, m and rad, one of each per beam."""
        self._latest = replace(self._latest, ranges=ranges, angles=angles)
        self._scan_at = at_s

    def scene(
        self,
        people: Mapping[str, tuple[float, float]],
        objects: Mapping[str, tuple[float, float]],
        object_places: Mapping[str, str],
        held_object: str,
    ) -> None:
        """Take the surroundings; positions in `odom`, m."""
        self._latest = replace(
            self._latest,
            people=people,
            objects=objects,
            object_places=object_places,
            held_object=held_object,
        )

    def senses(self, now_s: float) -> Senses:
        """Return the newest of everything; whatever is missing or old withdraws the permit."""
        missing = self._missing(now_s)
        if not missing:
            return self._latest
        return replace(self._latest, permit=Permit(cause=missing))

    def _missing(self, now_s: float) -> str:
        if now_s - self._permit_at > self._permit_timeout_s:
            return 'the safety monitor has not been heard'
        if now_s - self._pose_at > self._sensor_timeout_s:
            return 'no fresh odometry'
        if now_s - self._scan_at > self._sensor_timeout_s:
            return 'no fresh scan'
        return ''
