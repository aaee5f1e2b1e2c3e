"""The MuJoCo model of a site: walls, furniture, objects, people, and a two-wheeled robot."""

from __future__ import annotations

from xml.etree import ElementTree

import mujoco

from eip_bringup.sim.dimensions import PERSON_RADIUS, WHEEL_RADIUS, WHEEL_TRACK
from eip_bringup.sim.kitchen import Kitchen

__all__ = ['PERSON_SLOTS', 'TIMESTEP_S', 'build_model']

TIMESTEP_S = 0.002
PERSON_SLOTS = 4

# Geom groups: the lidar sees 0 and 1, never the robot's own body nor what it could carry.
SITE, PERSON, OBJECT, ROBOT = '0', '1', '2', '3'


def build_model(kitchen: Kitchen) -> mujoco.MjModel:
    """Return the compiled model; people wait in `PERSON_SLOTS` bodies below the floor."""
    root = ElementTree.Element('mujoco', model='kitchen')
    # Elliptic cones and implicitfast keep wheels from creeping at this step length.
    ElementTree.SubElement(
        root, 'option', timestep=str(TIMESTEP_S), integrator='implicitfast', cone='elliptic'
    )
    world = ElementTree.SubElement(root, 'worldbody')
    _geom(world, 'floor', 'plane', '10 10 0.1', '0 0 0', SITE)
    _walls(world, kitchen)
    for place in kitchen.places.values():
        if place.size is not None:
            x, y, z = (length / 2 for length in place.size)
            position = f'{place.centre[0]} {place.centre[1]} {z}'
            _geom(world, f'furniture:{place.name}', 'box', f'{x} {y} {z}', position, SITE)
    for slot in range(PERSON_SLOTS):
        _person(world, slot)
    for thing in kitchen.things.values():
        _object(world, thing.name, thing.position)
    _robot(world, kitchen)
    _wheels_driven(root)
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding='unicode'))


def _geom(
    parent: ElementTree.Element, name: str, kind: str, size: str, position: str, group: str,
    **more: str,
) -> None:  # fmt: skip
    attributes = {'name': name, 'type': kind, 'size': size, 'pos': position, 'group': group}
    ElementTree.SubElement(parent, 'geom', {**attributes, **more})


def _walls(world: ElementTree.Element, kitchen: Kitchen) -> None:
    half, height = kitchen.wall_thickness / 2, kitchen.wall_height / 2
    along_x, along_y = kitchen.size[0] / 2, kitchen.size[1] / 2
    for name, sign in (('north', 1), ('south', -1)):
        size, position = f'{along_x} {half} {height}', f'0 {sign * (along_y + half)} {height}'
        _geom(world, f'wall:{name}', 'box', size, position, SITE)
    for name, sign in (('east', 1), ('west', -1)):
        size, position = f'{half} {along_y} {height}', f'{sign * (along_x + half)} 0 {height}'
        _geom(world, f'wall:{name}', 'box', size, position, SITE)


def _person(world: ElementTree.Element, slot: int) -> None:
    body = ElementTree.SubElement(world, 'body', name=f'person:{slot}', mocap='true', pos='0 0 -9')
    ElementTree.SubElement(
        body, 'geom', type='capsule', group=PERSON,
        fromto=f'0 0 {PERSON_RADIUS} 0 0 1.5', size=str(PERSON_RADIUS),
    )  # fmt: skip


def _object(world: ElementTree.Element, name: str, position: tuple[float, float, float]) -> None:
    text = ' '.join(map(str, position))
    body = ElementTree.SubElement(world, 'body', name=f'object:{name}', mocap='true', pos=text)
    # Carried by the gripper, not by contact: what matters here is where it is.
    ElementTree.SubElement(
        body, 'geom', type='box', size='.04 .04 .05', group=OBJECT, contype='0', conaffinity='0'
    )


def _robot(world: ElementTree.Element, kitchen: Kitchen) -> None:
    start = kitchen.places[kitchen.start].approach
    base = ElementTree.SubElement(
        world, 'body', name='base', pos=f'{start.x} {start.y} 0', euler=f'0 0 {_degrees(start.yaw)}'
    )
    ElementTree.SubElement(base, 'freejoint', name='base')
    radius = kitchen.robot_radius
    _geom(base, 'chassis', 'cylinder', f'{radius} 0.05', '0 0 0.11', ROBOT, mass='18')
    # Casters without friction carry, the wheels alone push.
    for name, x in (('front', 0.14), ('rear', -0.14)):
        _geom(
            base, f'caster:{name}', 'sphere', '0.03', f'{x} 0 0.03', ROBOT,
            mass='0.2', condim='1', friction='0', priority='1',
        )  # fmt: skip
    # An ellipsoid touches the floor in one point; a cylinder's edge would scrub in every turn.
    shape = f'{WHEEL_RADIUS} {WHEEL_RADIUS} 0.03'
    for name, y in (('left', WHEEL_TRACK / 2), ('right', -WHEEL_TRACK / 2)):
        wheel = ElementTree.SubElement(base, 'body', name=name, pos=f'0 {y} {WHEEL_RADIUS}')
        ElementTree.SubElement(wheel, 'joint', name=name, type='hinge', axis='0 1 0')
        _geom(
            wheel, f'wheel:{name}', 'ellipsoid', shape, '0 0 0', ROBOT,
            euler='90 0 0', mass='0.8', friction='1.2 0.002 0.0001',
        )  # fmt: skip


def _wheels_driven(root: ElementTree.Element) -> None:
    actuators = ElementTree.SubElement(root, 'actuator')
    for name in ('left', 'right'):
        ElementTree.SubElement(
            actuators, 'velocity', name=name, joint=name, kv='5', forcerange='-4 4'
        )


def _degrees(radians: float) -> float:
    return radians * 57.29577951308232
