"""Where the frame of odometry lies in another one, such as `map`, as a localiser tells by tf."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eip_safety_monitor.clock import Clock, seconds
from eip_safety_monitor.limited import limited
from eip_safety_monitor.readings import Odometry
from eip_safety_monitor.zones.polygon import Point

__all__ = ['FrameLink', 'Frames', 'FramesPolicy']

MOST_LINKS = 32


@dataclass(frozen=True)
class FramesPolicy:
    """How old a transform may get."""

    timeout_s: float = limited(1.0, 'an older transform is lost', 's', 0.05, 60.0)


@dataclass(frozen=True)
class FrameLink:
    """Pose of the frame `child` in `parent`, m and rad."""

    parent: str
    child: str
    x_m: float
    y_m: float
    yaw_rad: float

    def is_sound(self) -> bool:
        """Tell whether it links two frames by numbers."""
        values = (self.x_m, self.y_m, self.yaw_rad)
        return self.parent != self.child and all(map(math.isfinite, values))


class Frames:
    """Keeps the newest link from each wanted frame to each other one; direct links only."""

    def __init__(self, wanted: frozenset[str], policy: FramesPolicy, clock: Clock) -> None:
        self._wanted, self._policy, self._clock = wanted, policy, clock
        self._links: dict[tuple[str, str], tuple[FrameLink, int]] = {}

    def hear(self, link: FrameLink, received_ns: int | None = None) -> None:
        """Take a transform, received now or earlier; one that is no number changes nothing."""
        key = (link.parent, link.child)
        is_new = key not in self._links
        if link.parent not in self._wanted or not link.is_sound():
            return
        if is_new and len(self._links) >= MOST_LINKS:
            return
        now_ns = self._clock.now_ns()
        self._links[key] = (link, now_ns if received_ns is None else min(received_ns, now_ns))

    def place(self, odometry: Odometry, frame: str) -> Point | None:
        """Return the robot's position in `frame`, m; None when it is not known now."""
        if frame == odometry.frame:
            return odometry.x_m, odometry.y_m
        link, received_ns = self._links.get((frame, odometry.frame), (None, 0))
        if link is None or seconds(self._clock.now_ns() - received_ns) > self._policy.timeout_s:
            return None
        cos, sin = math.cos(link.yaw_rad), math.sin(link.yaw_rad)
        x_m = link.x_m + cos * odometry.x_m - sin * odometry.y_m
        return x_m, link.y_m + sin * odometry.x_m + cos * odometry.y_m
