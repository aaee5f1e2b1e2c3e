"""Judges commands from a file without a robot: JSON lines in, JSON lines out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from eip_bringup.errors import ExitCode, UserError
from eip_llm_interface.guard.verdict import Verdict

__all__ = ['Judge', 'JudgeFiles', 'Line', 'check_lines', 'make_judge', 'open_lines']

Judge = Callable[[str, Any], Verdict]
"""Takes a command and its context, returns the verdict; raises ValueError for a bad context."""


@dataclass(frozen=True)
class Line:
    """One line of the input; `error` says what is wrong with it, empty when nothing is."""

    number: int
    id: Any = None
    text: str = ''
    context: Any = None
    error: str = ''


@dataclass(frozen=True)
class JudgeFiles:
    """What a judge goes by beside the shipped knowledge and policy; see SafetyLlmConfig."""

    knowledge: tuple[Path, ...] = ()
    policy: Path | None = None
    robot_kind: str = ''


def make_judge(model: str = '', rules_only: bool = False, files: JudgeFiles | None = None) -> Judge:
    """Return a judge by rules and `model` (empty: the shipped one), or by the rules alone.

    Raises UserError when the model, or one of the files, cannot be used.
    """
    files = files or JudgeFiles()
    try:
        return _rules_judge(files) if rules_only else _full_judge(model, files)
    except (ValueError, RuntimeError, OSError) as error:
        failure = UserError(str(error).strip().partition('\n')[0])
        failure.exit_code = ExitCode.USAGE
        raise failure from None


def _rules_judge(files: JudgeFiles) -> Judge:
    from eip_llm_interface.guard.guard import Guard
    from eip_llm_interface.guard.policy import Policy
    from eip_llm_interface.guard.scene import SceneFacts
    from eip_llm_interface.knowledge.ontology import Knowledge

    knowledge, policy = Knowledge.load(files.knowledge), Policy.load(files.policy)
    guard = Guard(knowledge, policy, robot_kind=files.robot_kind)
    return lambda text, context: guard.judge(text, SceneFacts.of(context))


def _full_judge(model: str, files: JudgeFiles) -> Judge:
    from eip_llm_interface.gpu_optimized_llm import GPUOptimizedSafetyLLM

    return GPUOptimizedSafetyLLM(
        model=model or None,
        knowledge=files.knowledge,
        policy=files.policy,
        robot_kind=files.robot_kind,
    ).check


def open_lines(path: Path) -> list[str]:
    """Return the lines of `path`, of the standard input for `-`; raise UserError if it cannot."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == '-' else path.read_bytes()
    except OSError as error:
        failure = UserError(
            f'{path} cannot be read ({error.strerror}): give a file with one JSON object per line'
        )
        failure.exit_code = ExitCode.USAGE
        raise failure from None
    # Only line feeds end a line: U+2028 and the like may stand inside a JSON text.
    return raw.decode('utf-8', errors='surrogateescape').split('\n')


def check_lines(lines: Sequence[str], judge: Judge, output: TextIO, errors: TextIO) -> int:
    """Write one verdict per line of `lines`, in order; return how many could not be judged.

    A line that cannot be judged is rejected with `error` in its verdict and named on `errors`.
    """
    bad = 0
    parsed = [line for line in map(_parse, range(1, len(lines) + 1), lines) if line]
    for line in _with_progress(parsed, errors):
        values = _judged(line, judge)
        if 'error' in values:
            bad += 1
            print(f'line {line.number}: {values["error"]}', file=errors)
        output.write(json.dumps(values) + '\n')
    output.flush()
    return bad


def _parse(number: int, raw: str) -> Line | None:
    if not raw.strip():
        return None
    try:
        raw.encode('utf-8')
        values = json.loads(raw)
    except UnicodeEncodeError:
        return Line(number, error='is not UTF-8 text')
    except (ValueError, RecursionError) as error:
        return Line(number, error=f'is not JSON: {error}')
    if not isinstance(values, dict):
        return Line(number, error=f'is a {type(values).__name__}, give an object with id and text')
    identifier = values.get('id')
    if not isinstance(values.get('text'), str):
        return Line(number, identifier, error=f'text is {values.get("text")!r:.80}, give a text')
    return Line(number, identifier, values['text'], values.get('context'))


def _judged(line: Line, judge: Judge) -> dict[str, Any]:
    if line.error:
        return _rejected(line, line.error)
    began_s = time.perf_counter()
    try:
        verdict = judge(line.text, line.context)
    except (ValueError, TypeError) as error:
        return _rejected(line, str(error).partition('\n')[0])
    return {
        'id': line.id,
        'decision': verdict.decision.word,
        'safety_score': round(verdict.safety_score, 6),
        'violations': [asdict(violation) for violation in verdict.violations],
        'latency_ms': round((time.perf_counter() - began_s) * 1e3, 3),
    }


def _rejected(line: Line, error: str) -> dict[str, Any]:
    return {
        'id': line.id,
        'decision': 'reject',
        'safety_score': 0.0,
        'violations': [],
        'latency_ms': 0.0,
        'error': error,
    }


def _with_progress(lines: Sequence[Line], errors: TextIO) -> Iterator[Line]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(file=errors)
    with Progress(
        'judging',
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal and len(lines) < 2,
    ) as progress:
        yield from progress.track(lines)
