"""What a scan says: whether it can be believed, and how near things are."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class _Beams:
    """Where the beams of a lidar look; the same from scan to scan."""

    is_ahead: NDArray[np.bool_]
    is_behind: NDArray[np.bool_]
    ahead: int
    behind: int
    is_full_turn: bool


class ScanChecker:
    """Reads scans once each; keeps what is needed to tell a frozen lidar."""

    def __init__(self, policy: ObstaclePolicy) -> None:
        self._policy = policy
        self._geometry: tuple[int, float, float] = (0, 0.0, 0.0)
        self._beams = _beams_of(self._geometry, 0.0)
        self._checksum = 0
        self._pose: tuple[float, float, float] | None = None

    def check(self, scan: Scan, odometry: Odometry | None) -> ScanFinding:
        """Return what `scan` says."""
        problem = self._implausible(scan) or self._blind(scan) or self._frozen(scan, odometry)
        if problem:
            return ScanFinding(0.0, 0.0, 0.0, problem)
        ranges, beams = scan.ranges_m, self._beams_of(scan)
        # Nearer than the least range is near (-inf by REP 117); beyond the greatest, as what is
        # not a number, is no echo.
        near: NDArray[Any] = np.where(ranges <= scan.range_max_m, ranges, np.inf)
        np.maximum(near, scan.range_min_m, out=near)
        is_seen_behind = beams.behind and (
            self._unseen(beams.behind, scan) <= self._policy.widest_blind_rad
        )
        return ScanFinding(
            float(near.min()),
            float(near[beams.is_ahead].min()),
            float(near[beams.is_behind].min()) if is_seen_behind else 0.0,
        )

    def _implausible(self, scan: Scan) -> str:
        ranges = scan.ranges_m
        if ranges.size == 0:
            return 'the scan is empty'
        is_finite = math.isfinite(scan.angle_min_rad) and math.isfinite(scan.angle_step_rad)
        if not is_finite or scan.angle_step_rad == 0.0:
            return 'the scan has no sound geometry'
        if not 0.0 <= scan.range_min_m < scan.range_max_m < math.inf:
            return (
                f'the scan has range_min {scan.range_min_m:g} m and range_max '
                f'{scan.range_max_m:g} m, set both in the lidar driver, the first less'
            )
        nan_share = _share(np.isnan(ranges))
        if nan_share > MOST_NAN_SHARE:
            return f'{nan_share:.0%} of the scan is not a number'
        echo_share = _share(ranges <= scan.range_max_m)
        if echo_share < self._policy.least_valid_share:
            return f'only {echo_share:.0%} of the scan has an echo'
        return ''

    def _blind(self, scan: Scan) -> str:
        beams, half = self._beams_of(scan), self._policy.half_angle_rad
        if beams.ahead == 0:
            return f'no beam of the scan is within {half:g} rad of ahead, check angle_min'
        widest_rad = self._policy.widest_blind_rad
        unseen_rad = self._unseen(beams.ahead, scan)
        if unseen_rad > widest_rad:
            return (
                f'the scan leaves {unseen_rad:.2f} rad of the cone ahead unseen, more than '
                f'widest_blind_rad {widest_rad:g}; set half_angle_rad to what the lidar sees'
            )
        is_nan = np.isnan(scan.ranges_m)
        if not is_nan.any():
            return ''
        nan_share = _share(is_nan[beams.is_ahead])
        if nan_share > MOST_NAN_SHARE:
            return f'{nan_share:.0%} of the scan ahead is not a number'
        # One beam alone is a drop-out and spans nothing; in a full turn the ends are neighbours.
        run = _longest_run(np.tile(is_nan, 2) if beams.is_full_turn else is_nan)
        sector_rad = (run - 1) * abs(scan.angle_step_rad)
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
        turned = abs((pose[2] - self._pose[2] + math.pi) % (2.0 * math.pi) - math.pi)
        travel = math.hypot(pose[0] - self._pose[0], pose[1] - self._pose[1]) + turned
        return 'the scan is frozen while the robot moves' if travel > FROZEN_TRAVEL else ''

    def _beams_of(self, scan: Scan) -> _Beams:
        geometry = (scan.ranges_m.size, scan.angle_min_rad, scan.angle_step_rad)
        if geometry != self._geometry:
            self._geometry = geometry
            self._beams = _beams_of(geometry, self._policy.half_angle_rad)
        return self._beams


def _beams_of(geometry: tuple[int, float, float], half_angle_rad: float) -> _Beams:
    size, first_rad, step_rad = geometry
    angles = (first_rad + step_rad * np.arange(size) + np.pi) % (2.0 * np.pi) - np.pi
    is_ahead = np.abs(angles) <= half_angle_rad
    is_behind = np.abs(angles) >= np.pi - half_angle_rad
    is_full_turn = abs(step_rad) * (size + 1) > 2.0 * np.pi
    ahead, behind = int(np.count_nonzero(is_ahead)), int(np.count_nonzero(is_behind))
    return _Beams(is_ahead, is_behind, ahead, behind, is_full_turn)


def _share(flags: NDArray[np.bool_]) -> float:
    return np.count_nonzero(flags) / flags.size


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def obstacle_speed(policy: ObstaclePolicy, hull_distance_m: float, full_speed_mps: float) -> float:
    """Return the permitted speed before an obstacle, m/s: a line from creep to full speed."""
    span_m = policy.full_speed_distance_m - policy.creep_distance_m
    ratio = min(1.0, max(0.0, (hull_distance_m - policy.creep_distance_m) / span_m))
    creep = min(policy.creep_speed_mps, full_speed_mps)
    return creep + ratio * (full_speed_mps - creep)
