"""Make `.venv`: Python packages, ROS 2 wheels, and this package's interfaces built with colcon.

Run by `make`; uses the standard library alone. Does nothing when nothing changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
REQUIREMENTS = [ROOT / f'requirements{kind}.txt' for kind in ('-ros', '', '-dev')]
LOGS = ROOT / 'log'
BUILDER_PREFIX = re.compile(r'/opt/python/cp\d+-cp\d+')


class SetUpError(Exception):
    """A person must do something first; the text says what."""


def main() -> int:
    """Set everything up; return 0, or 1 after one line on what is missing."""
    try:
        if not is_current('packages', packages_key()):
            check_tools()
            install_packages()
        if not is_current('interfaces', interfaces_key()):
            check_tools()
            build_interfaces()
    except SetUpError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


def check_tools() -> None:
    """Raise SetUpError for the first tool that is missing, before anything is written."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        version = '.'.join(map(str, sys.version_info[:3]))
        raise SetUpError(
            f'Python {version} cannot be used, 3.11 or 3.12 is needed: install one and run '
            '`make PYTHON=/path/to/python3.11 …`'
        )
    header = Path(sysconfig.get_paths()['include']) / 'Python.h'
    for missing, what, remedy in (
        (not shutil.which('c++') and not shutil.which('g++'), 'a C++ compiler', 'apt install g++'),
        (not shutil.which('cmake'), 'CMake', 'apt install cmake'),
        (not shutil.which('make'), 'make', 'apt install make'),
        (not has_module('ensurepip'), "Python's venv module", 'apt install python3-venv'),
        (not header.exists(), f"Python's headers ({header})", 'apt install python3-dev'),
    ):
        if missing:
            raise SetUpError(f'{what} is missing: {remedy}')


def has_module(name: str) -> bool:
    """Tell whether this Python can import `name`."""
    return (
        subprocess.run([sys.executable, '-c', f'import {name}'], capture_output=True).returncode
        == 0
    )


def check_network() -> None:
    """Raise SetUpError when the package index cannot be reached."""
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, '-m', 'venv', folder], 'the virtual environment could not be made')
        probe = [
            f'{folder}/bin/python',
            '-m',
            'pip',
            'download',
            '-q',
            '--no-deps',
            '--retries',
            '1',
            '--timeout',
            '20',
            '-d',
            folder,
            'wheel',
        ]
        if subprocess.run(probe, capture_output=True).returncode:
            raise SetUpError(
                'the Python package index cannot be reached: check the network, '
                'or point pip at a mirror with PIP_INDEX_URL'
            )


def install_packages() -> None:
    """Make the virtual environment and install every pinned package into it."""
    if not PYTHON.exists():
        check_network()
        step('making .venv')
        run([sys.executable, '-m', 'venv', str(VENV)], 'the virtual environment could not be made')
    step('installing packages (about two minutes the first time)')
    arguments = [word for file in REQUIREMENTS for word in ('-r', str(file))]
    run([str(PYTHON), '-m', 'pip', 'install', '-q', *arguments], 'a package could not be installed')
    point_cmake_at_this_python()
    mark('packages', packages_key())


def point_cmake_at_this_python() -> None:
    """Replace the wheel builder's own folders in the CMake exports by the real ones."""
    include = sysconfig.get_paths()['include']
    site = site_packages()
    for path in (VENV / 'share').rglob('*.cmake'):
        text = path.read_text()
        if not BUILDER_PREFIX.search(text):
            continue
        text = re.sub(BUILDER_PREFIX.pattern + r'/include/python3\.\d+', include, text)
        text = re.sub(BUILDER_PREFIX.pattern + r'/lib/python3\.\d+/site-packages', str(site), text)
        path.write_text(BUILDER_PREFIX.sub(str(VENV), text))


def build_interfaces() -> None:
    """Build messages, services and actions with colcon and link them into the environment."""
    step('building the ROS 2 interfaces (about half a minute)')
    numpy_headers = link_numpy_headers()
    run(
        [
            str(VENV / 'bin' / 'colcon'),
            '--log-base',
            str(LOGS),
            'build',
            '--base-paths',
            '.',
            '--packages-select',
            'eip',
            '--cmake-args',
            f'-DPython3_EXECUTABLE={PYTHON}',
            f'-DPython3_NumPy_INCLUDE_DIR={numpy_headers}',
            '-DCMAKE_BUILD_TYPE=Release',
        ],
        'the interfaces could not be built',
        environment=ros_environment(),
    )
    link_interfaces()
    run(
        [str(PYTHON), '-m', 'pip', 'install', '-q', '--no-deps', '--no-build-isolation', '-e', '.'],
        'the project could not be installed into .venv',
    )
    mark('interfaces', interfaces_key())


def link_numpy_headers() -> Path:
    """Return NumPy's headers below the install prefix: CMake exports no path in the source."""
    link = ROOT / 'install' / 'eip' / 'numpy_headers'
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(site_packages() / 'numpy' / '_core' / 'include')
    return link


def ros_environment() -> dict[str, str]:
    """Return the environment in which colcon finds the wheels."""
    environment = dict(os.environ)
    environment['PATH'] = f'{VENV / "bin"}:{environment.get("PATH", "")}'
    environment['VIRTUAL_ENV'] = str(VENV)
    for name, folder in (
        ('AMENT_PREFIX_PATH', VENV),
        ('CMAKE_PREFIX_PATH', VENV),
        ('LD_LIBRARY_PATH', VENV / 'lib'),
    ):
        environment[name] = ':'.join(filter(None, [str(folder), environment.get(name, '')]))
    return environment


def link_interfaces() -> None:
    """Link the built package `eip` into `.venv`, so that no shell needs sourcing."""
    built = ROOT / 'install' / 'eip'
    links = {VENV / 'lib' / library.name: library for library in built.glob('lib/libeip__*.so')}
    links[site_packages() / 'eip'] = next(built.glob('lib/python3*/site-packages/eip'))
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def site_packages() -> Path:
    """Return the environment's site-packages folder."""
    return VENV / 'lib' / f'python{sys.version_info[0]}.{sys.version_info[1]}' / 'site-packages'


def packages_key() -> str:
    """Return a key that changes with the pinned packages and the Python version."""
    return digest(REQUIREMENTS) + f'-{sys.version_info[0]}.{sys.version_info[1]}'


def interfaces_key() -> str:
    """Return a key that changes with whatever the built package is made from."""
    sources = [p for kind in ('msg', 'srv', 'action') for p in sorted((ROOT / kind).iterdir())]
    return digest(
        [*sources, *(ROOT / n for n in ('CMakeLists.txt', 'package.xml', 'setup.py', 'setup.cfg'))]
    )


def digest(paths: list[Path]) -> str:
    """Return one SHA-256 over names and contents of `paths`."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b'\0' + path.read_bytes() + b'\0')
    return total.hexdigest()


def is_current(name: str, key: str) -> bool:
    """Tell whether the step `name` was last done for `key`."""
    stamp = VENV / f'.eip-{name}'
    return stamp.exists() and stamp.read_text() == key


def mark(name: str, key: str) -> None:
    """Remember that the step `name` was done for `key`."""
    (VENV / f'.eip-{name}').write_text(key)


def run(command: list[str], failure: str, environment: dict[str, str] | None = None) -> None:
    """Run a command with its output in a log; raise SetUpError naming the log when it fails."""
    LOGS.mkdir(exist_ok=True)
    log = LOGS / 'set_up.log'
    with log.open('a') as output:
        result = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    if result.returncode:
        raise SetUpError(f'{failure}; see the end of {log}')


def step(text: str) -> None:
    """Tell the person what happens now."""
    print(f'set-up: {text}', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
