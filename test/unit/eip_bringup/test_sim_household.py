from __future__ import annotations

import pytest

from eip_bringup.sim.household import Household, Refusal
from eip_bringup.sim.kitchen import Kitchen, Pose
from eip_bringup.sim.kitchen_file import load_kitchen
from eip_bringup.sim.people import People

FAR = Pose(2.2, -1.9)


@pytest.fixture
def kitchen() -> Kitchen:
    return load_kitchen()


@pytest.fixture
def people() -> People:
    return People(4, {})


@pytest.fixture
def household(kitchen: Kitchen, people: People) -> Household:
    return Household(kitchen, people.get)


def at(kitchen: Kitchen, place: str) -> Pose:
    return kitchen.places[place].approach


def test_every_object_can_be_fetched_and_placed_everywhere(
    kitchen: Kitchen, household: Household
) -> None:
    for name in list(household.items):
        for place in kitchen.places:
            household.act('pick', name, '', at(kitchen, household.items[name].place))
            assert household.held == name
            assert household.items[name].place == ''
            household.act('place', name, place, at(kitchen, place))
            assert (household.held, household.items[name].place) == ('', place)


def test_what_is_out_of_reach_stays_where_it_is(kitchen: Kitchen, household: Household) -> None:
    with pytest.raises(Refusal, match=r'cup is .* m away'):
        household.act('pick', 'cup', '', FAR)
    with pytest.raises(Refusal, match=r'stove is .* m away'):
        household.act('turn_on', 'stove', '', FAR)
    assert household.items['cup'].place == 'counter'
    assert household.facts()['stove'] == 'off'


def test_a_full_gripper_takes_nothing_and_an_empty_one_gives_nothing(
    kitchen: Kitchen, household: Household
) -> None:
    counter = at(kitchen, 'counter')
    with pytest.raises(Refusal, match='the gripper is empty'):
        household.act('place', 'cup', 'counter', counter)
    household.act('pick', 'cup', '', counter)
    with pytest.raises(Refusal, match='holds the cup'):
        household.act('pick', 'knife', '', counter)
    with pytest.raises(Refusal, match='holds the cup'):
        household.act('place', 'knife', 'counter', counter)


def test_taking_something_out_of_a_closed_fridge_includes_its_door(
    kitchen: Kitchen, household: Household
) -> None:
    fridge = at(kitchen, 'fridge')
    assert 'opened and closed' in household.act('pick', 'milk', '', fridge)
    assert household.facts()['fridge'] == 'closed'
    household.act('place', 'milk', 'table', at(kitchen, 'table'))
    assert 'door' not in household.act('pick', 'milk', '', at(kitchen, 'table'))


def test_an_open_fridge_stays_open(kitchen: Kitchen, household: Household) -> None:
    fridge = at(kitchen, 'fridge')
    assert household.act('open', 'fridge', '', fridge) == 'the fridge is open'
    assert household.act('open', 'fridge', '', fridge) == 'the fridge was open already'
    assert 'door' not in household.act('pick', 'milk', '', fridge)
    assert household.facts()['fridge'] == 'open'


def test_only_somebody_who_is_near_is_handed_something(
    kitchen: Kitchen, household: Household, people: People
) -> None:
    counter = at(kitchen, 'counter')
    household.act('pick', 'cup', '', counter)
    with pytest.raises(Refusal, match='anna is not in the room'):
        household.act('hand_over', 'cup', 'anna', counter)
    people.move('anna', counter.x, counter.y - 3.0)
    with pytest.raises(Refusal, match=r'anna is 3\.00 m away'):
        household.act('hand_over', 'cup', 'anna', counter)
    people.move('anna', counter.x, counter.y - 1.4)
    assert household.act('hand_over', 'cup', 'anna', counter) == 'handed the cup to anna'
    assert household.held == ''


@pytest.mark.parametrize(
    ('action', 'target', 'named'),
    [
        ('throw', 'cup', "'throw'"),
        ('', 'cup', 'action'),
        ('pick', 'unicorn', "'unicorn'"),
        ('turn_on', 'toaster', "'toaster'"),
        ('turn_on', 'fridge', 'has no switch'),
        ('open', 'stove', 'has no door'),
    ],
)
def test_what_does_not_exist_is_refused_by_name(
    kitchen: Kitchen, household: Household, action: str, target: str, named: str
) -> None:
    with pytest.raises(Refusal, match=named):
        household.act(action, target, '', at(kitchen, 'counter'))


def test_a_held_object_goes_along_and_reset_puts_it_back(
    kitchen: Kitchen, household: Household
) -> None:
    household.act('pick', 'cup', '', at(kitchen, 'counter'))
    household.carry(FAR)
    assert household.items['cup'].position[:2] == (FAR.x, FAR.y)
    household.reset()
    assert household.held == ''
    assert household.items['cup'].place == 'counter'
