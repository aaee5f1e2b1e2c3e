"""`config/robot.yaml` and `config/fleet.yaml` as dataclasses that check themselves."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eip_bringup.yaml_file import ConfigError, Document, read_yaml

__all__ = [
    'LOG_LEVELS',
    'PAGE_PORT',
    'ConfigError',
    'FleetConfig',
    'Respawn',
    'RobotConfig',
    'Scalar',
    'check_namespace',
    'check_params_file',
    'read_fleet',
    'read_robot',
]

Scalar = bool | int | float | str | tuple[Any, ...]
PAGE_PORT = 8090
"""The first robot's page; every further one of a fleet takes the next port."""
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
NAMESPACE = re.compile(r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


@dataclass(frozen=True)
class Respawn:
    """When a process that ended by itself is started again.

    The delay grows by `backoff` with every end until `delay_max_s`, and falls back to `delay_s`
    once the process ran for `steady_after_s`.
    """

    enabled: bool = True
    delay_s: float = 0.2
    backoff: float = 2.0
    delay_max_s: float = 10.0
    steady_after_s: float = 20.0

    def __post_init__(self) -> None:
        for name in ('delay_s', 'delay_max_s', 'steady_after_s'):
            value = getattr(self, name)
            if not 0.0 <= value <= 3600.0:
                raise ValueError(f'respawn.{name} is {value}, give 0 to 3600 (seconds)')
        if not 1.0 <= self.backoff <= 10.0:
            raise ValueError(f'respawn.backoff is {self.backoff}, give 1 to 10')

    def delay_after(self, ends: int) -> float:
        """Return the delay in s before the start that follows `ends` (1 or more) short lives."""
        return float(min(self.delay_s * self.backoff ** min(ends - 1, 64), self.delay_max_s))


@dataclass(frozen=True)
class RobotConfig:
    """One robot. `parameters` holds ROS parameters by node name; `params_file` overrides them."""

    namespace: str = ''
    simulation: bool = True
    monitoring: bool = True
    model: str = ''
    use_sim_time: bool = False
    autostart: bool = True
    log_level: str = 'info'
    state_dir: str = ''
    params_file: str = ''
    respawn: Respawn = field(default_factory=Respawn)
    parameters: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'namespace', check_namespace(self.namespace))
        if self.log_level not in LOG_LEVELS:
            raise ValueError(f'log_level is {self.log_level!r}, give one of {_listed(LOG_LEVELS)}')
        if self.use_sim_time and self.simulation:
            raise ValueError(
                'use_sim_time is true, but the simulated robot publishes no /clock: '
                'set simulation to false or use_sim_time to false'
            )


@dataclass(frozen=True)
class FleetConfig:
    """Several robots side by side, each in a namespace of its own."""

    robots: tuple[RobotConfig, ...] = ()

    def __post_init__(self) -> None:
        if not self.robots:
            raise ValueError('robots is empty, list at least one with its namespace')
        seen: set[str] = set()
        for robot in self.robots:
            if not robot.namespace:
                raise ValueError("namespace is '', every robot of a fleet needs one")
            if robot.namespace in seen:
                raise ValueError(f'namespace {robot.namespace!r} occurs twice, give each its own')
            seen.add(robot.namespace)


def read_robot(path: Path, **changes: Any) -> RobotConfig:
    """Return the robot of the file `path`, with `changes` (None: as in the file) over it.

    Raises ConfigError naming file, line, field, value and remedy.
    """
    document = read_yaml(path)
    return _changed(_robot(document, document.mapping(), ()), changes, 'robot')


def read_fleet(path: Path, **changes: Any) -> FleetConfig:
    """Return the fleet of the file `path`; each entry starts from `robot` in the same file.

    `changes` (None: as in the file) apply to every robot. Raises ConfigError like `read_robot`.
    """
    document = read_yaml(path)
    fields = document.mapping()
    document.refuse_unknown(fields, {'robot', 'robots'}, ())
    common = document.mapping(('robot',)) if 'robot' in fields else {}
    entries = document.sequence(('robots',))
    robots = []
    for index in range(len(entries)):
        place: tuple[str | int, ...] = ('robots', index)
        own = document.mapping(place)
        base = _robot(document, common, ('robot',))
        robot = _robot(document, own, place, base)
        robots.append(_with_port(_changed(robot, changes, robot.namespace), PAGE_PORT + index))
    try:
        return FleetConfig(tuple(robots))
    except ValueError as error:
        raise document.error(('robots',), str(error)) from None


def _with_port(robot: RobotConfig, port: int) -> RobotConfig:
    parameters = {node: dict(values) for node, values in robot.parameters.items()}
    parameters.setdefault('performance_monitor', {}).setdefault('port', port)
    return dataclasses.replace(robot, parameters=parameters)


def check_namespace(given: str) -> str:
    """Return the namespace `given` without outer slashes; raise ValueError where ROS takes none."""
    namespace = given.strip('/')
    if namespace and not NAMESPACE.fullmatch(namespace):
        raise ValueError(
            f'namespace is {namespace!r}, give letters, digits and underscores, '
            'not beginning with a digit'
        )
    return namespace


def check_params_file(path: str) -> str:
    """Return `path` made absolute when it is a ROS parameter file; raise ConfigError if not."""
    document = read_yaml(Path(path).expanduser())
    fields = document.mapping()
    if not fields:
        raise document.error((), 'is empty, give node names, each with ros__parameters')
    _check_nodes(document, fields, ())
    return str(document.path.absolute())


def _check_nodes(
    document: Document, fields: Mapping[str, Any], place: tuple[str | int, ...]
) -> None:
    for name in fields:
        below = (*place, name)
        inner = document.mapping(below)
        if 'ros__parameters' in inner:
            document.mapping((*below, 'ros__parameters'))
        elif inner and all(isinstance(value, dict) for value in inner.values()):
            _check_nodes(document, inner, below)
        else:
            raise document.error(below, 'has no ros__parameters, put the parameters below that key')


def _robot(
    document: Document,
    fields: Mapping[str, Any],
    place: tuple[str | int, ...],
    base: RobotConfig | None = None,
) -> RobotConfig:
    base = base or RobotConfig()
    known = {entry.name: entry for entry in dataclasses.fields(RobotConfig)}
    document.refuse_unknown(fields, set(known), place)
    values: dict[str, Any] = {}
    for name, value in fields.items():
        here = (*place, name)
        if name == 'respawn':
            values[name] = _respawn(document, here, base.respawn)
        elif name == 'parameters':
            values[name] = _parameters(document, here, base.parameters)
        else:
            document.expect(here, value, type(getattr(base, name)))
            values[name] = value
    return _made(document, place, base, values)


def _respawn(document: Document, place: tuple[str | int, ...], base: Respawn) -> Respawn:
    fields = document.mapping(place)
    known = {entry.name for entry in dataclasses.fields(Respawn)}
    document.refuse_unknown(fields, known, place)
    for name, value in fields.items():
        document.expect((*place, name), value, type(getattr(base, name)))
    return _made(document, place, base, fields)  # type: ignore[no-any-return]


def _parameters(
    document: Document, place: tuple[str | int, ...], base: Mapping[str, Mapping[str, Scalar]]
) -> Mapping[str, Mapping[str, Scalar]]:
    merged = {node: dict(values) for node, values in base.items()}
    for node in document.mapping(place):
        given = document.mapping((*place, node))
        for name, value in _flattened(given):
            if not _is_scalar(value):
                raise document.error(
                    (*place, node, *name.split('.')),
                    f'is {value!r}, give true or false, a finite number, a text, '
                    'or a list of one of them',
                )
            merged.setdefault(node, {})[name] = value
    return merged


def _flattened(values: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        full = f'{prefix}{name}'
        if isinstance(value, dict):
            yield from _flattened(value, f'{full}.')
        else:
            yield full, tuple(value) if isinstance(value, list) else value


def _is_scalar(value: object) -> bool:
    if isinstance(value, tuple):
        kinds = {type(item) for item in value}
        return len(kinds) <= 1 and all(
            _is_scalar(item) and not isinstance(item, tuple) for item in value
        )
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, bool | int | str)


def _made(document: Document, place: tuple[str | int, ...], base: Any, values: Any) -> Any:
    try:
        return dataclasses.replace(base, **values)
    except ValueError as error:
        field_name = str(error).split(' ', 1)[0].rsplit('.', 1)[-1]
        raise document.error((*place, field_name), str(error), named=True) from None


def _changed(robot: RobotConfig, changes: Mapping[str, Any], what: str) -> RobotConfig:
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        robot = dataclasses.replace(robot, **given)
    except ValueError as error:
        raise ConfigError(f'{what}: {error}') from None
    if not robot.params_file:
        return robot
    return dataclasses.replace(robot, params_file=check_params_file(robot.params_file))


def _listed(names: tuple[str, ...]) -> str:
    return ', '.join(names)
