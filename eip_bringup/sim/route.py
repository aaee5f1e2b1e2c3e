"""Ways across a site that keep clear of walls and furniture.

A* on a grid (Hart, Nilsson and Raphael 1968), then straightened wherever the line of sight is free.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from eip_bringup.sim.kitchen import Kitchen

__all__ = ['RouteError', 'RoutePlanner']

Point = tuple[float, float]
Cell = tuple[int, int]

CELL_M = 0.05
MARGIN_M = 0.1  # beyond the robot's radius, never entered
COMFORT_M = 0.25  # beyond the radius, avoided where there is room
COMFORT_COST = 4.0

NEIGHBOURS = [(i, j, math.hypot(i, j)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


class RouteError(ValueError):
    """There is no way; the text says from where to where."""


class RoutePlanner:
    """Plans ways for the robot's centre through one site."""

    def __init__(self, kitchen: Kitchen) -> None:
        self._kitchen = kitchen
        self._hard_m = kitchen.robot_radius + MARGIN_M
        self._comfort_m = kitchen.robot_radius + COMFORT_M
        columns, rows = (round(length / CELL_M) + 1 for length in kitchen.size)
        self._x = np.arange(columns) * CELL_M - kitchen.size[0] / 2
        self._y = np.arange(rows) * CELL_M - kitchen.size[1] / 2
        self._clearance = np.array(
            [[kitchen.clearance(float(x), float(y)) for y in self._y] for x in self._x]
        )

    def plan(self, start: Point, goal: Point, obstacles: Iterable[Point] = ()) -> list[Point]:
        """Return the corners of a way from `start` to `goal`, both included, m.

        `obstacles` are further points to keep clear of, as a lidar sees them. A start that is too
        near to something is left by the shortest way. Raises RouteError.
        """
        clearance = self._with(list(obstacles))
        first, last = self._cell(start), self._cell(goal)
        if clearance[last] < self._hard_m - CELL_M:
            raise RouteError(f'no way to {_text(goal)}: something stands there')
        must_leave = clearance[first] < self._hard_m
        if must_leave:
            first = self._nearest_free(clearance, start)
        cells = self._search(clearance, first, last)
        if cells is None:
            raise RouteError(f'no free way from {_text(start)} to {_text(goal)}')
        points = [self._point(cell) for cell in cells]
        between = points[:-1] if must_leave else points[1:-1]
        if must_leave:
            return [start, *self._straightened(clearance, [*between, goal])]
        return self._straightened(clearance, [start, *between, goal])

    def _with(self, obstacles: list[Point]) -> NDArray[np.float64]:
        if not obstacles:
            return self._clearance
        points = np.asarray(obstacles)
        nearest = np.full_like(self._clearance, np.inf)
        for x, y in points:
            np.minimum(nearest, np.hypot(self._x[:, None] - x, self._y[None, :] - y), out=nearest)
        return np.minimum(self._clearance, nearest)

    def _cell(self, point: Point) -> Cell:
        i = round((point[0] - self._x[0]) / CELL_M)
        j = round((point[1] - self._y[0]) / CELL_M)
        if not (0 <= i < len(self._x) and 0 <= j < len(self._y)):
            raise RouteError(f'{_text(point)} is outside the room')
        return i, j

    def _point(self, cell: Cell) -> Point:
        return float(self._x[cell[0]]), float(self._y[cell[1]])

    def _nearest_free(self, clearance: NDArray[np.float64], start: Point) -> Cell:
        distance = np.hypot(self._x[:, None] - start[0], self._y[None, :] - start[1])
        distance[clearance < self._hard_m] = np.inf
        cell = np.unravel_index(int(np.argmin(distance)), distance.shape)
        if not math.isfinite(distance[cell]):
            raise RouteError(f'no free spot near {_text(start)}')
        return int(cell[0]), int(cell[1])

    def _search(self, clearance: NDArray[np.float64], first: Cell, last: Cell) -> list[Cell] | None:
        free = clearance >= self._hard_m
        free[last] = True
        lack = np.clip((self._comfort_m - clearance) / (self._comfort_m - self._hard_m), 0, 1)
        cost = (1.0 + COMFORT_COST * lack).tolist()
        is_free = free.tolist()
        best = {first: 0.0}
        came_from: dict[Cell, Cell] = {}
        queue = [(math.dist(first, last), first)]
        done: set[Cell] = set()
        while queue:
            _, cell = heapq.heappop(queue)
            if cell == last:
                return _traced(came_from, last)
            if cell in done:
                continue
            done.add(cell)
            for neighbour, step in self._neighbours(cell, is_free):
                total = best[cell] + step * cost[neighbour[0]][neighbour[1]]
                if total < best.get(neighbour, math.inf):
                    best[neighbour], came_from[neighbour] = total, cell
                    heapq.heappush(queue, (total + math.dist(neighbour, last), neighbour))
        return None

    def _neighbours(self, cell: Cell, is_free: list[list[bool]]) -> Iterator[tuple[Cell, float]]:
        for i, j, step in NEIGHBOURS:
            column, row = cell[0] + i, cell[1] + j
            inside = 0 <= column < len(self._x) and 0 <= row < len(self._y)
            if inside and is_free[column][row]:
                yield (column, row), step

    def _straightened(self, clearance: NDArray[np.float64], points: list[Point]) -> list[Point]:
        way, index = [points[0]], 0
        while index < len(points) - 1:
            further = len(points) - 1
            while further > index + 1 and not self._sees(clearance, points[index], points[further]):
                further -= 1
            way.append(points[further])
            index = further
        return way

    def _sees(self, clearance: NDArray[np.float64], a: Point, b: Point) -> bool:
        count = max(2, int(math.dist(a, b) / (CELL_M / 2)) + 1)
        x, y = np.linspace(a[0], b[0], count), np.linspace(a[1], b[1], count)
        i = np.rint((x - self._x[0]) / CELL_M).astype(int)
        j = np.rint((y - self._y[0]) / CELL_M).astype(int)
        along = clearance[i, j]
        # A shortcut may be as tight as its own ends, never tighter than comfort elsewhere.
        ends = min(clearance[i[0], j[0]], clearance[i[-1], j[-1]])
        return bool(np.all(along >= max(self._hard_m, min(self._comfort_m, ends))))


def _traced(came_from: dict[Cell, Cell], last: Cell) -> list[Cell]:
    cells = [last]
    while cells[-1] in came_from:
        cells.append(came_from[cells[-1]])
    return cells[::-1]


def _text(point: Point) -> str:
    return f'({point[0]:.2f}, {point[1]:.2f})'
