"""What the monitor sees as shapes to draw: zones, protective distance, people, cause of a stop.

Pure geometry, metres, each shape in the frame that it names; `marker_publisher.py` makes them
visualization_msgs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from eip_safety_monitor.events import State
from eip_safety_monitor.permits import Mode
from eip_safety_monitor.readings import Odometry, Scene
from eip_safety_monitor.zones.polygon import Point, triangles
from eip_safety_monitor.zones.zones_policy import Zone, ZoneKind

__all__ = ['Colour', 'Shape', 'ShapeKind', 'draw', 'zone_shapes']

Colour = tuple[float, float, float, float]

GREEN, AMBER, RED = (0.2, 0.8, 0.3, 0.9), (1.0, 0.7, 0.1, 0.9), (0.95, 0.15, 0.15, 0.9)
BLUE, GREY, WHITE = (0.2, 0.5, 1.0, 0.9), (0.6, 0.6, 0.6, 0.9), (1.0, 1.0, 1.0, 1.0)
ZONE_COLOURS = {ZoneKind.KEEP_OUT: RED, ZoneKind.SPEED_LIMIT: AMBER, ZoneKind.PERMIT_ONLY: BLUE}
MODE_COLOURS = {
    Mode.ARMED: GREEN,
    Mode.PROTECTIVE: AMBER,
    Mode.DISARMED: GREY,
    Mode.STOPPED: RED,
}
RING_POINTS = 48
PERSON_M, PERSON_HEIGHT_M, TEXT_M, LINE_M = 0.4, 1.6, 0.2, 0.03
AHEAD_S = 1.0
"""People get an arrow as long as they go in this time."""


class ShapeKind(StrEnum):
    """How the points are meant."""

    LINE = 'line'
    AREA = 'area'
    CYLINDER = 'cylinder'
    ARROW = 'arrow'
    TEXT = 'text'


@dataclass(frozen=True)
class Shape:
    """One thing to draw: points (x, y, z), or for a cylinder and a text one place.

    `size_m` is the width of a line, the height of a text, or diameter and height of a cylinder.
    """

    layer: str
    number: int
    kind: ShapeKind
    frame: str
    points: tuple[tuple[float, float, float], ...]
    colour: Colour
    size_m: tuple[float, float] = (LINE_M, LINE_M)
    text: str = ''


def draw(
    state: State,
    odometry: Odometry | None,
    scene: Scene | None,
    zones: Sequence[Zone],
    radius_m: float,
) -> list[Shape]:
    """Return every shape of this moment; without a pose nothing that hangs on the robot."""
    placed = odometry if odometry is not None and odometry.is_finite() else None
    shapes = list(zone_shapes(zones, placed, radius_m))
    if scene is not None:
        shapes += _people(scene)
    if placed is not None:
        shapes += _robot(state, placed, radius_m)
    return shapes


def zone_shapes(
    zones: Sequence[Zone], odometry: Odometry | None, radius_m: float
) -> Iterator[Shape]:
    """Yield border, area and name of each zone; the area is denser while the robot is inside."""
    for number, zone in enumerate(zones):
        red, green, blue, _ = ZONE_COLOURS[zone.kind]
        is_inside = (
            odometry is not None
            and odometry.frame == zone.frame
            and zone.distance(odometry.x_m, odometry.y_m, radius_m) <= 0.0
        )
        layer, frame = 'zones', zone.frame
        border = tuple((x, y, 0.02) for x, y in (*zone.polygon, zone.polygon[0]))
        yield Shape(layer, 3 * number, ShapeKind.LINE, frame, border, (red, green, blue, 0.9))
        corners = tuple((x, y, 0.01) for three in triangles(zone.polygon) for x, y in three)
        dense = 0.45 if is_inside else 0.18
        colour = (red, green, blue, dense)
        yield Shape(layer, 3 * number + 1, ShapeKind.AREA, frame, corners, colour)
        limit = '' if zone.speed_limit_mps is None else f' {zone.speed_limit_mps:g} m/s'
        text = f'{zone.name}: {zone.kind.replace("_", " ")}{limit}'
        yield _text(layer, 3 * number + 2, frame, _middle(zone.polygon), 0.1, text)


def _people(scene: Scene) -> Iterator[Shape]:
    for number, person in enumerate(scene.people):
        if not all(map(math.isfinite, (person.x_m, person.y_m))):
            continue
        layer, frame, x, y = 'people', scene.frame, person.x_m, person.y_m
        yield Shape(
            layer,
            3 * number,
            ShapeKind.CYLINDER,
            frame,
            ((x, y, PERSON_HEIGHT_M / 2.0),),
            (*BLUE[:3], 0.6),
            (PERSON_M, PERSON_HEIGHT_M),
        )
        name = person.name or person.kind or 'person'
        yield _text(layer, 3 * number + 1, frame, (x, y), PERSON_HEIGHT_M + TEXT_M, name)
        speed = math.hypot(person.vx_mps, person.vy_mps)
        if 0.05 < speed < math.inf:
            end = (x + person.vx_mps * AHEAD_S, y + person.vy_mps * AHEAD_S, 0.1)
            points = ((x, y, 0.1), end)
            yield Shape(layer, 3 * number + 2, ShapeKind.ARROW, frame, points, BLUE, (0.06, 0.12))


def _robot(state: State, odometry: Odometry, radius_m: float) -> Iterator[Shape]:
    x, y, frame = odometry.x_m, odometry.y_m, odometry.frame
    colour = MODE_COLOURS[state.mode]
    body = ((x, y, 0.1),)
    size = (2.0 * radius_m, 0.2)
    yield Shape('robot', 0, ShapeKind.CYLINDER, frame, body, (*colour[:3], 0.7), size)
    nose = (x + radius_m * math.cos(odometry.yaw_rad), y + radius_m * math.sin(odometry.yaw_rad))
    points = ((x, y, 0.22), (*nose, 0.22))
    yield Shape('robot', 1, ShapeKind.ARROW, frame, points, WHITE, (0.04, 0.08))
    if state.protective_distance_m > 0.0:
        ring = _ring(x, y, state.protective_distance_m)
        yield Shape('protective_distance', 0, ShapeKind.LINE, frame, ring, colour)
    words = state.cause or f'at most {state.limits.linear_mps:.2f} m/s'
    text = f'{state.mode.name}: {words[:120]}'
    yield _text('cause', 0, frame, (x, y), 0.7, text, WHITE if state.is_motion_permitted else RED)


def _ring(x_m: float, y_m: float, radius_m: float) -> tuple[tuple[float, float, float], ...]:
    angles = (2.0 * math.pi * step / RING_POINTS for step in range(RING_POINTS + 1))
    return tuple(
        (x_m + radius_m * math.cos(angle), y_m + radius_m * math.sin(angle), 0.03)
        for angle in angles
    )


def _text(
    layer: str,
    number: int,
    frame: str,
    place: Point,
    height_m: float,
    text: str,
    colour: Colour = WHITE,
) -> Shape:
    points = ((*place, height_m),)
    return Shape(layer, number, ShapeKind.TEXT, frame, points, colour, (TEXT_M, TEXT_M), text)


def _middle(corners: Sequence[Point]) -> Point:
    count = len(corners)
    return sum(x for x, _ in corners) / count, sum(y for _, y in corners) / count
