"""What is drawn for RViz: zones, ring, people and cause, where they are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.events import State
from eip_safety_monitor.markers import MODE_COLOURS, Shape, ShapeKind, draw
from eip_safety_monitor.permits import Mode, SpeedLimits
from eip_safety_monitor.readings import Odometry, PersonSeen, Scene
from eip_safety_monitor.zones.polygon import area, check_polygon, triangles
from eip_safety_monitor.zones.zones_policy import Zone, ZoneKind

SQUARE = ((1.0, -1.0), (3.0, -1.0), (3.0, 1.0), (1.0, 1.0))
ZONES = (
    Zone('stairs', ZoneKind.KEEP_OUT, SQUARE, frame='map'),
    Zone('door', ZoneKind.SPEED_LIMIT, SQUARE, speed_limit_mps=0.3),
)
HERE = Odometry(0.5, 0.25, math.pi / 2.0, 0.2, 0.0, 0.0)
ARMED = State(Mode.ARMED, SpeedLimits(0.4, 1.0), protective_distance_m=0.9)
ANNA = PersonSeen('anna', 'adult', 2.0, 1.0, -0.5, 0.0, 1.7)


def layers(shapes: list[Shape]) -> dict[str, list[Shape]]:
    found: dict[str, list[Shape]] = {}
    for shape in shapes:
        found.setdefault(shape.layer, []).append(shape)
    return found


def test_the_ring_is_round_the_robot_at_the_protective_distance() -> None:
    found = layers(draw(ARMED, HERE, None, (), 0.2))
    (ring,) = found['protective_distance']
    assert all(math.hypot(x - 0.5, y - 0.25) == pytest.approx(0.9) for x, y, _ in ring.points)
    assert ring.points[0] == pytest.approx(ring.points[-1])
    assert ring.frame == 'odom'
    body, nose = found['robot']
    assert body.size_m[0] == pytest.approx(0.4)
    assert nose.points[1][:2] == pytest.approx((0.5, 0.45))


@pytest.mark.parametrize('mode', list(Mode))
def test_the_cause_stands_over_the_robot_and_colours_tell_the_mode(mode: Mode) -> None:
    held = State(mode, cause='' if mode is Mode.ARMED else 'scan is silent for 1.0 s')
    found = layers(draw(held, HERE, None, (), 0.2))
    (text,) = found['cause']
    assert mode.name in text.text
    assert ('scan is silent' in text.text) is (mode is not Mode.ARMED)
    assert found['robot'][0].colour[:3] == MODE_COLOURS[mode][:3]


def test_each_zone_is_drawn_in_its_own_frame_with_border_area_and_name() -> None:
    shapes = layers(draw(ARMED, HERE, None, ZONES, 0.2))['zones']
    assert [shape.frame for shape in shapes] == ['map'] * 3 + ['odom'] * 3
    border, filled, text = shapes[3:]
    assert border.kind is ShapeKind.LINE
    assert border.points[0] == border.points[-1]
    assert len(border.points) == 5
    assert len(filled.points) == 6
    assert text.text == 'door: speed limit 0.3 m/s'
    assert len({(shape.layer, shape.number) for shape in shapes}) == len(shapes)


def test_a_zone_that_the_robot_touches_is_denser() -> None:
    def alpha(x_m: float) -> float:
        place = Odometry(x_m, 0.0, 0.0, 0.0, 0.0, 0.0)
        return draw(ARMED, place, None, ZONES[1:], 0.2)[1].colour[3]

    assert alpha(0.85) > alpha(0.75)


def test_people_are_drawn_where_they_are_with_where_they_will_be() -> None:
    body, text, arrow = layers(draw(ARMED, HERE, Scene((ANNA,)), (), 0.2))['people']
    assert body.points[0][:2] == (2.0, 1.0)
    assert text.text == 'anna'
    assert arrow.points[1][:2] == pytest.approx((1.5, 1.0))


def test_what_is_not_known_is_not_drawn() -> None:
    lost = PersonSeen('x', 'adult', math.nan, 0.0, 0.0, 0.0, 1.0)
    nowhere = Odometry(math.nan, 0.0, 0.0, 0.0, 0.0, 0.0)
    for odometry in (None, nowhere):
        found = layers(draw(ARMED, odometry, Scene((lost,)), ZONES, 0.2))
        assert set(found) == {'zones'}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=9))
def test_the_triangles_of_a_polygon_have_its_area(corners: list[tuple[int, int]]) -> None:
    polygon = tuple((float(x), float(y)) for x, y in corners)
    try:
        check_polygon(polygon)
    except ValueError:
        return
    parts = triangles(polygon)
    assert len(parts) == len(polygon) - 2
    assert sum(abs(area(part)) for part in parts) == pytest.approx(abs(area(polygon)))
