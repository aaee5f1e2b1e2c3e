"""Runs a benchmark from `benchmarks/` and writes its figures beside what they were measured on."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from eip_bringup.environment import SOURCE, bench_folders
from eip_bringup.errors import ExitCode, UserError

__all__ = [
    'BenchError',
    'Report',
    'list_benchmarks',
    'option_pairs',
    'parse_options',
    'run_benchmark',
]

NAME = re.compile(r'[a-z][a-z0-9_]*')
LIBRARIES = ('torch', 'transformers', 'numpy', 'mujoco', 'ros-rclpy')


class BenchError(UserError):
    """A benchmark cannot be run as asked; the text says why and what to do."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Report:
    """What one run measured, and on what."""

    name: str
    figures: dict[str, float | None]
    device: str
    versions: dict[str, str]
    commit: str
    date: str

    def write(self, path: Path) -> None:
        """Write the report as one JSON object."""
        values = asdict(self)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values, indent=1) + '\n')
        except OSError as error:
            raise BenchError(f'{path} cannot be written: {error}') from None


def list_benchmarks(folders: Sequence[Path] | None = None) -> dict[str, str]:
    """Return every benchmark's name with its one-line description, without running any."""
    found: dict[str, str] = {}
    for folder in bench_folders() if folders is None else folders:
        for path in sorted(folder.glob('*.py')):
            if not path.stem.startswith('_') and path.stem not in found:
                description = _constant(path, 'DESCRIPTION')
                if description is not None:
                    found[path.stem] = str(description)
    return found


def run_benchmark(
    name: str, options: Mapping[str, str], folders: Sequence[Path] | None = None
) -> Report:
    """Run benchmark `name` with `options` and return its report.

    Raises BenchError for a name that does not exist, an option that its `OPTIONS` do not list (a
    benchmark without takes any), or figures that are no numbers.
    """
    path = _find(name, bench_folders() if folders is None else folders)
    _refuse_unknown(name, options, _constant(path, 'OPTIONS'))
    run = _load(name, path)
    try:
        figures = run(dict(options))
    except ValueError as error:
        raise BenchError(f'benchmark {name}: {error}') from error
    return Report(
        name=name,
        figures={str(key): _number(name, key, value) for key, value in figures.items()},
        device=device(),
        versions=versions(),
        commit=commit(),
        date=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    )


def parse_options(pairs: Sequence[str]) -> dict[str, str]:
    """Return `k=v` texts as a mapping; raise BenchError for one without a key."""
    options: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition('=')
        if not sign or not key:
            raise BenchError(f'option {pair!r} is not of the form key=value')
        options[key] = value
    return options


def option_pairs(words: Sequence[str]) -> list[str]:
    """Return `--key value`, `--key=value` and `--flag` as `key=value` texts, a flag as `yes`."""
    pairs: list[str] = []
    for index, word in enumerate(words):
        if not word.startswith('--') or len(word) < 3:
            if index == 0 or not words[index - 1].startswith('--') or '=' in words[index - 1]:
                raise BenchError(f'{word!r} belongs to no option; write --key value')
            continue
        key, sign, value = word[2:].partition('=')
        following = words[index + 1] if index + 1 < len(words) else '--'
        if not sign:
            value = 'yes' if following.startswith('--') else following
        pairs.append(f'{key.replace("-", "_")}={value}')
    return pairs


def device() -> str:
    """Return the processor, its cores and, where PyTorch is there and sees one, the GPU."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        model = next(line.split(':', 1)[1].strip() for line in lines if 'model name' in line)
    except (OSError, StopIteration):
        pass
    text = f'{model}, {os.cpu_count()} cores'
    try:
        import torch
    except ImportError:
        return text
    return f'{text}, {torch.cuda.get_device_name(0)}' if torch.cuda.is_available() else text


def versions() -> dict[str, str]:
    """Return the versions of Python, EIP and the libraries that matter to a figure."""
    found = {'python': platform.python_version(), 'system': platform.platform()}
    for name in ('eip', *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the source tree's commit, with `+changes` when it is not clean; else 'unknown'."""
    try:
        head = _git('rev-parse', '--short=12', 'HEAD')
        return head + ('+changes' if _git('status', '--porcelain', '-uno') else '')
    except (OSError, subprocess.SubprocessError):
        return 'unknown'


def _git(*arguments: str) -> str:
    return subprocess.run(
        ['git', '-C', str(SOURCE), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout.strip()


def _constant(path: Path, name: str) -> Any:
    """Read a constant without importing: a listing must not load torch."""
    try:
        tree = ast.parse(path.read_text(encoding='utf-8'))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    for entry in tree.body:
        if isinstance(entry, ast.Assign | ast.AnnAssign):
            targets = entry.targets if isinstance(entry, ast.Assign) else [entry.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if name in names and entry.value is not None:
                return ast.literal_eval(entry.value)
    return None


def _find(name: str, folders: Sequence[Path]) -> Path:
    path = next(
        (folder / f'{name}.py' for folder in folders if (folder / f'{name}.py').is_file()), None
    )
    if not NAME.fullmatch(name) or path is None:
        there = ', '.join(list_benchmarks(folders)) or 'none'
        raise BenchError(f'there is no benchmark {name!r}; there are: {there}')
    return path


def _refuse_unknown(name: str, options: Mapping[str, str], known: Sequence[str] | None) -> None:
    """Raise BenchError before any work is done: an option taken silently changes no figure."""
    if known is None:
        return
    for option in options:
        if option not in known:
            near = difflib.get_close_matches(option, known, 1)
            hint = f'did you mean {near[0]}?' if near else f'it takes: {", ".join(known) or "none"}'
            raise BenchError(f'benchmark {name} has no option {option!r}; {hint}')


def _load(name: str, path: Path) -> Callable[[dict[str, str]], Mapping[str, object]]:
    spec = importlib.util.spec_from_file_location(f'eip_benchmark_{name}', path)
    if spec is None or spec.loader is None:
        raise BenchError(f'{path} is not a Python module')
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return _run_of(module, path)


def _run_of(module: ModuleType, path: Path) -> Callable[..., Mapping[str, object]]:
    run = getattr(module, 'run', None)
    if not callable(run):
        raise BenchError(f'{path} has no function run(options)')
    return run  # type: ignore[no-any-return]


def _number(name: str, key: object, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return float(value) if math.isfinite(value) else None
    raise BenchError(f'benchmark {name} returned {value!r} for {key}, must be a number')
