"""Build and test the ROS package with colcon and the wheels, apart from what `make` built.

Run by `make colcon-test`; needs what `scripts/set_up.py` made.
"""

from __future__ import annotations

import subprocess
import sys

from set_up import PYTHON, ROOT, VENV, ros_environment, site_packages

WORK = ROOT / 'build' / 'colcon'
COLCON = VENV / 'bin' / 'colcon'
BASES = ['--build-base', str(WORK / 'build'), '--install-base', str(WORK / 'install')]


def main() -> int:
    """Build, test and print the results; return 0 when everything is green."""
    if not COLCON.exists():
        print(f'error: {COLCON} is missing: run `make setup` first', file=sys.stderr)
        return 1
    # CMake exports no path that lies in the source: NumPy's headers must be below the prefix.
    headers = WORK / 'install' / 'eip' / 'numpy_headers'
    headers.parent.mkdir(parents=True, exist_ok=True)
    headers.unlink(missing_ok=True)
    headers.symlink_to(site_packages() / 'numpy' / '_core' / 'include')
    build = [
        *('build', '--base-paths', str(ROOT), '--packages-select', 'eip', *BASES, '--cmake-args'),
        f'-DPython3_EXECUTABLE={PYTHON}',
        f'-DPython3_NumPy_INCLUDE_DIR={headers}',
        '-DCMAKE_BUILD_TYPE=Release',
    ]
    test = [
        *('test', '--base-paths', str(ROOT), '--packages-select', 'eip', *BASES),
        '--event-handlers',
        'console_direct+',
    ]
    results = ['test-result', '--test-result-base', str(WORK / 'build'), '--verbose']
    for arguments in (build, test, results):
        code = colcon(arguments)
        if code:
            return code
    return 0


def colcon(arguments: list[str]) -> int:
    """Run colcon in its own folder and return its exit code."""
    command = [str(COLCON), '--log-base', str(WORK / 'log'), *arguments]
    return subprocess.run(command, cwd=WORK, env=ros_environment()).returncode


if __name__ == '__main__':
    sys.exit(main())
