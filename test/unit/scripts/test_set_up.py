"""Set-up names what is missing in one line, before anything is half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with what set-up reads, and nothing built."""
    (tmp_path / 'scripts').mkdir()
    shutil.copy(ROOT / 'scripts' / 'set_up.py', tmp_path / 'scripts')
    for file in ROOT.glob('requirements*.txt'):
        shutil.copy(file, tmp_path)
    return tmp_path


def run_set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / 'scripts' / 'set_up.py')],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def path_with(folder: Path, *tools: str) -> str:
    folder.mkdir()
    for tool in tools:
        found = shutil.which(tool)
        assert found, f'{tool} is needed by this test'
        (folder / tool).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize(
    ('tools', 'names'),
    [
        ((), ('C++ compiler', 'apt install g++')),
        (('c++', 'make'), ('CMake', 'apt install cmake')),
        (('c++', 'cmake'), ('make is missing', 'apt install make')),
    ],
)
def test_missing_tool_is_named_in_one_line_with_its_remedy(
    checkout: Path, tmp_path: Path, tools: tuple[str, ...], names: tuple[str, str]
) -> None:
    result = run_set_up(checkout, PATH=path_with(tmp_path / 'bin', *tools))

    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert all(name in result.stderr for name in names)
    assert not (checkout / '.venv').exists()


def test_missing_network_is_named_before_the_environment_is_made(checkout: Path) -> None:
    nowhere = 'http://127.0.0.1:9/simple'
    result = run_set_up(
        checkout,
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL=nowhere,
        PIP_EXTRA_INDEX_URL='',
        PIP_FIND_LINKS='',
        PIP_NO_INDEX='0',
    )

    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith('error: the Python package index')
    assert not (checkout / '.venv').exists()
