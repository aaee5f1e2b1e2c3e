from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.route import RoutePlanner

CONFIG = Path(__file__).parents[3] / 'config'


@pytest.fixture
def content() -> dict[str, Any]:
    return dict(yaml.safe_load((CONFIG / 'kitchen.yaml').read_text()))


def written(folder: Path, content: object) -> Path:
    file = folder / 'site.yaml'
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def test_every_name_that_the_planner_may_use_exists_in_the_kitchen() -> None:
    skills = yaml.safe_load((CONFIG / 'skills.yaml').read_text())
    kitchen = load_kitchen()
    assert set(skills['places']) <= set(kitchen.places)
    assert set(skills['objects']) <= set(kitchen.things)
    assert set(skills['appliances']) <= set(kitchen.appliances)
    for name, entry in skills['objects'].items():
        assert kitchen.things[name].place == entry['at'], name


def test_every_approach_pose_can_be_reached_from_every_other() -> None:
    kitchen = load_kitchen()
    planner = RoutePlanner(kitchen)
    poses = [place.approach for place in kitchen.places.values()]
    for start in poses:
        for goal in poses:
            way = planner.plan((start.x, start.y), (goal.x, goal.y))
            assert way[-1] == (goal.x, goal.y)


def test_every_object_and_appliance_is_within_reach_of_its_place() -> None:
    kitchen = load_kitchen()
    for item in (*kitchen.things.values(), *kitchen.appliances.values()):
        approach = kitchen.places[item.place].approach
        # 0.8 m less what the drive may be off.
        assert approach.distance_to(*item.position[:2]) < 0.72, item.name


def test_clearance_is_zero_in_furniture_and_grows_away_from_it() -> None:
    kitchen = load_kitchen()
    assert kitchen.clearance(0.9, -0.3) == 0.0
    assert kitchen.clearance(-0.2, -0.3) == pytest.approx(0.5)
    assert kitchen.clearance(2.9, 0.0) == pytest.approx(0.1)
    assert kitchen.clearance(5.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'room': None}, 'room'),
        ({'room': {'size': [6]}}, 'room.size'),
        ({'room': {'size': [6, 'wide']}}, 'room.size'),
        ({'robot': {'start': 'moon'}}, "'moon'"),
        ({'places': {'charger': {'approach': [0, 0]}}}, 'places.charger.approach'),
        ({'places': {'charger': {'approach': [9, 9, 0]}}}, 'places.charger.approach'),
        ({'places': []}, 'places'),
        ({'objects': {'cup': {'place': 'moon', 'position': [0, 0, 0]}}}, "'moon'"),
        ({'objects': {'cup': {'position': [0, 0, 0]}}}, 'place'),
        ({'objects': {'cup': 'counter'}}, 'objects.cup'),
        ({'appliances': {'lamp': {'place': 'sofa', 'position': [0, 0]}}}, 'appliances.lamp'),
        ({'appliances': {'lamp': {'place': 'sofa', 'switch': True}}}, 'appliances.lamp'),
        ({'people': {'anna': {'at': 'here'}}}, 'people.anna.at'),
        ({'people': {'anna': 'adult'}}, 'people.anna'),
        ({'robot': 'big'}, 'robot'),
        ({'room': {'size': [6.0, -5.0]}}, 'room.size'),
        ({'robot': {'start': 'charger', 'radius': 0}}, 'robot.radius'),
        ({'places': {'sofa': {'centre': [0, 0], 'approach': [2, 2, 0]}}}, 'places.sofa.size'),
    ],
)
def test_a_wrong_site_is_refused_with_file_and_field(
    tmp_path: Path, content: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    content.update(change)
    file = written(tmp_path, content)
    with pytest.raises(ValueError) as error:
        load_kitchen(file)
    assert str(file) in str(error.value)
    assert named in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('text', ['', '- a\n- b', 'room: [', 'just words', '\x00'])
def test_a_file_that_holds_no_site_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ValueError) as error:
        load_kitchen(file)
    assert str(file) in str(error.value)
    assert '\n' not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.yaml'):
        load_kitchen(tmp_path / 'nowhere.yaml')
