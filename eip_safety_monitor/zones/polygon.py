"""Plane polygons: inside or not, how far from the border, and whether one can be used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

__all__ = [
    'Box',
    'Point',
    'area',
    'border_distance',
    'box_distance',
    'box_of',
    'check_polygon',
    'contains',
    'signed_distance',
    'triangles',
]

Point = tuple[float, float]
Box = tuple[float, float, float, float]

LEAST_AREA_M2 = 1e-4
SMALLEST_M = 1e-6


def edges(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """Yield the sides of the closed polygon."""
    for index, corner in enumerate(corners):
        yield corners[index - 1], corner


def area(corners: Sequence[Point]) -> float:
    """Return the area, m^2, by the shoelace formula; positive when counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in edges(corners)) / 2.0


def contains(corners: Sequence[Point], x_m: float, y_m: float) -> bool:
    """Tell whether the point is inside, by counting crossings; the border may go either way."""
    is_inside = False
    for (ax, ay), (bx, by) in edges(corners):
        if (ay > y_m) != (by > y_m) and x_m < ax + (y_m - ay) * (bx - ax) / (by - ay):
            is_inside = not is_inside
    return is_inside


def border_distance(corners: Sequence[Point], x_m: float, y_m: float) -> float:
    """Return the distance of the point to the nearest side, m."""
    least = math.inf
    for (ax, ay), (bx, by) in edges(corners):
        dx, dy = bx - ax, by - ay
        along = ((x_m - ax) * dx + (y_m - ay) * dy) / (dx * dx + dy * dy)
        along = min(1.0, max(0.0, along))
        least = min(least, math.hypot(x_m - ax - along * dx, y_m - ay - along * dy))
    return least


def box_of(corners: Sequence[Point]) -> Box:
    """Return least x and y, greatest x and y, m."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def box_distance(box: Box, x_m: float, y_m: float) -> float:
    """Return the distance to a box, m: 0 within, never more than to what it holds."""
    beside = max(box[0] - x_m, 0.0, x_m - box[2])
    above = max(box[1] - y_m, 0.0, y_m - box[3])
    return math.hypot(beside, above)


def signed_distance(corners: Sequence[Point], x_m: float, y_m: float) -> float:
    """Return the distance to the border, m: positive outside, negative inside."""
    distance_m = border_distance(corners, x_m, y_m)
    return -distance_m if contains(corners, x_m, y_m) else distance_m


def triangles(corners: Sequence[Point]) -> list[tuple[Point, Point, Point]]:
    """Return triangles that fill a simple polygon, by clipping ears."""
    left = list(corners) if area(corners) > 0.0 else list(reversed(corners))
    found: list[tuple[Point, Point, Point]] = []
    while len(left) > 3:
        index = next((i for i in range(len(left)) if _is_ear(left, i)), 0)
        found.append((left[index - 1], left[index], left[(index + 1) % len(left)]))
        del left[index]
    return [*found, (left[0], left[1], left[2])]


def _is_ear(corners: Sequence[Point], index: int) -> bool:
    a, b, c = corners[index - 1], corners[index], corners[(index + 1) % len(corners)]
    if _turn(a, b, c) <= 0.0:
        return False
    others = (corner for corner in corners if corner not in (a, b, c))
    return not any(
        _turn(a, b, p) >= 0.0 and _turn(b, c, p) >= 0.0 and _turn(c, a, p) >= 0.0 for p in others
    )


def check_polygon(corners: Sequence[Point]) -> None:
    """Raise ValueError with the remedy when the corners do not make a simple polygon."""
    if len(corners) < 3:
        raise ValueError(f'polygon has {len(corners)} corners, give 3 or more')
    for index, (before, corner) in enumerate(edges(corners)):
        if math.dist(before, corner) < SMALLEST_M:
            raise ValueError(f'polygon repeats corner {list(corner)} at {index}, remove one')
    sides = list(edges(corners))
    for first, (a, b) in enumerate(sides):
        for second in range(first + 1, len(sides)):
            is_next = second == first + 1 or (first == 0 and second == len(sides) - 1)
            c, d = sides[second]
            if not is_next and _cross(a, b, c, d):
                raise ValueError(
                    f'polygon crosses itself between {list(a)} and {list(b)}, reorder the corners'
                )
    if abs(area(corners)) < LEAST_AREA_M2:
        raise ValueError(f'polygon has an area of {abs(area(corners)):.6f} m^2, spread the corners')


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Tell whether two sides touch or cross."""
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] * turns[1] < 0.0 and turns[2] * turns[3] < 0.0:
        return True
    ends = ((turns[0], a, b, c), (turns[1], a, b, d), (turns[2], c, d, a), (turns[3], c, d, b))
    return any(turn == 0.0 and _between(p, q, r) for turn, p, q, r in ends)


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: Point, b: Point, c: Point) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])
