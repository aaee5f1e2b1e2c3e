"""What a scan says: whether it can be believed, and how near things are."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eip_safety_monitor.policy import ObstaclePolicy
from eip_safety_monitor.readings import Odometry, Scan

__all__ = ['ScanChecker', 'ScanFinding', 'obstacle_speed']

MOST_NAN_SHARE = 0.2
FROZEN_TRAVEL = 0.3
"""Metres plus radians that the robot may move while a scan repeats bit by bit."""


@dataclass(frozen=True)
class ScanFinding:
    """Ranges from the base frame, m, or a problem.

    Infinite when there is no echo, 0 behind when the cone there is not seen.
    """

    nearest_m: float
    ahead_m: float
    behind_m: float
    problem: str = ''


class ScanChecker:
    """Reads scans once each; keeps what is needed to tell a frozen lidar."""

    def __init__(self, policy: ObstaclePolicy) -> None:
        self._policy = policy
        self._angles: NDArray[Any] = np.zeros(0)
        self._geometry: tuple[int, float, float] = (0, 0.0, 0.0)
        self._checksum = 0
        self._pose: tuple[float, float, float] | None = None

    def check(self, scan: Scan, odometry: Odometry | None) -> ScanFinding:
        """Return what `scan` says."""
        problem = self._implausible(scan) or self._blind(scan) or self._frozen(scan, odometry)
        if problem:
            return ScanFinding(0.0, 0.0, 0.0, problem)
        ranges = scan.ranges_m
        # Nearer than the least range is near (-inf by REP 117), beyond the greatest is no echo.
        near: NDArray[Any] = np.where(ranges < scan.range_min_m, scan.range_min_m, ranges)
        near = np.where(np.isnan(near) | (near > scan.range_max_m), np.inf, near)
        off_axis, half = np.abs(self._angles_of(scan)), self._policy.half_angle_rad
        behind = near[off_axis >= np.pi - half]
        is_seen_behind = behind.size and (
            self._unseen(behind.size, scan) <= self._policy.widest_blind_rad
        )
        return ScanFinding(
            float(near.min()),
            float(near[off_axis <= half].min()),
            float(behind.min()) if is_seen_behind else 0.0,
        )

    def _implausible(self, scan: Scan) -> str:
        ranges = scan.ranges_m
        if ranges.size == 0:
            return 'the scan is empty'
        geometry = (scan.angle_min_rad, scan.angle_step_rad)
        if not np.isfinite(geometry).all() or scan.angle_step_rad == 0.0:
            return 'the scan has no sound geometry'
        if not 0.0 <= scan.range_min_m < scan.range_max_m < np.inf:
            return (
                f'the scan has range_min {scan.range_min_m:g} m and range_max '
                f'{scan.range_max_m:g} m, set both in the lidar driver, the first less'
            )
        nan_share = float(np.isnan(ranges).mean())
        if nan_share > MOST_NAN_SHARE:
            return f'{nan_share:.0%} of the scan is not a number'
        with np.errstate(invalid='ignore'):
            echo_share = float((ranges <= scan.range_max_m).mean())
        if echo_share < self._policy.least_valid_share:
            return f'only {echo_share:.0%} of the scan has an echo'
        return ''

    def _blind(self, scan: Scan) -> str:
        is_nan = np.isnan(scan.ranges_m)
        half = self._policy.half_angle_rad
        ahead = is_nan[np.abs(self._angles_of(scan)) <= half]
        if ahead.size == 0:
            return f'no beam of the scan is within {half:g} rad of ahead, check angle_min'
        widest_rad = self._policy.widest_blind_rad
        unseen_rad = self._unseen(ahead.size, scan)
        if unseen_rad > widest_rad:
            return (
                f'the scan leaves {unseen_rad:.2f} rad of the cone ahead unseen, more than '
                f'widest_blind_rad {widest_rad:g}; set half_angle_rad to what the lidar sees'
            )
        nan_share = float(ahead.mean())
        if nan_share > MOST_NAN_SHARE:
            return f'{nan_share:.0%} of the scan ahead is not a number'
        step_rad = abs(scan.angle_step_rad)
        is_full_turn = step_rad * (is_nan.size + 1) > 2.0 * np.pi
        # One beam alone is a drop-out and spans nothing; in a full turn the ends are neighbours.
        run = _longest_run(np.tile(is_nan, 2) if is_full_turn else is_nan)
        sector_rad = (run - 1) * step_rad
        if sector_rad > widest_rad:
            return (
                f'a sector of {sector_rad:.2f} rad of the scan is not a number, more than '
                f'widest_blind_rad {widest_rad:g}'
            )
        return ''

    def _unseen(self, beams: int, scan: Scan) -> float:
        """Return how much of a cone that holds so many beams lies beyond them all, rad."""
        cone_rad = 2.0 * min(self._policy.half_angle_rad, np.pi)
        return cone_rad - (beams + 1) * abs(scan.angle_step_rad)

    def _frozen(self, scan: Scan, odometry: Odometry | None) -> str:
        checksum = zlib.crc32(scan.ranges_m.tobytes())
        if odometry is None or not odometry.is_finite():
            self._checksum, self._pose = checksum, None
            return ''
        pose = (odometry.x_m, odometry.y_m, odometry.yaw_rad)
        if checksum != self._checksum or self._pose is None:
            self._checksum, self._pose = checksum, pose
            return ''
        turned = abs((pose[2] - self._pose[2] + np.pi) % (2.0 * np.pi) - np.pi)
        travel = float(np.hypot(pose[0] - self._pose[0], pose[1] - self._pose[1]) + turned)
        return 'the scan is frozen while the robot moves' if travel > FROZEN_TRAVEL else ''

    def _angles_of(self, scan: Scan) -> NDArray[Any]:
        geometry = (scan.ranges_m.size, scan.angle_min_rad, scan.angle_step_rad)
        if geometry != self._geometry:
            raw = scan.angle_min_rad + scan.angle_step_rad * np.arange(scan.ranges_m.size)
            self._angles, self._geometry = (raw + np.pi) % (2.0 * np.pi) - np.pi, geometry
        return self._angles


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def obstacle_speed(policy: ObstaclePolicy, hull_distance_m: float, full_speed_mps: float) -> float:
    """Return the permitted speed before an obstacle, m/s: a line from creep to full speed."""
    span_m = policy.full_speed_distance_m - policy.creep_distance_m
    ratio = min(1.0, max(0.0, (hull_distance_m - policy.creep_distance_m) / span_m))
    creep = min(policy.creep_speed_mps, full_speed_mps)
    return creep + ratio * (full_speed_mps - creep)
