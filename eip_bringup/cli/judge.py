"""Commands that need the model and no ROS: check, train, eval."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from eip_bringup.cli.options import JsonFile, usage
from eip_bringup.errors import ExitCode

__all__ = ['COMMANDS', 'evaluate']

CODES = {'allow': ExitCode.DONE, 'confirm': ExitCode.CONFIRM_NEEDED, 'reject': ExitCode.REJECTED}
Model = Annotated[
    str, typer.Option(help='Model: a directory or a hub name; empty for the shipped one.')
]


def check(
    text: Annotated[str | None, typer.Argument(help='The command to judge.')] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(help='Lines {"id","text","context"?}; prints one verdict line each.'),
    ] = None,
    context: Annotated[str, typer.Option(help='What the scene is like, in words.')] = '',
    model: Model = '',
    rules_only: Annotated[bool, typer.Option(help='Judge without the model.')] = False,
) -> None:
    """Judge a command without a robot. Exit code 0 allow, 3 confirm, 4 reject."""
    if (text is None) == (jsonl is None):
        raise usage('give either a command or --jsonl FILE')
    from eip_bringup.judging import check_lines, make_judge, open_lines

    if jsonl is not None:
        lines = open_lines(jsonl)
        bad = check_lines(lines, make_judge(model, rules_only), sys.stdout, sys.stderr)
        raise typer.Exit(int(ExitCode.FAILED) if bad else 0)
    verdict = make_judge(model, rules_only)(text or '', context or None)
    print(f'{verdict.decision.word.upper()} (safety score {verdict.safety_score:.2f})')
    print(verdict.reason)
    for violation in verdict.violations:
        print(f'  {violation.rule}: "{violation.evidence}"')
    raise typer.Exit(int(CODES[verdict.decision.word]))


def train(
    out: Annotated[
        Path | None, typer.Option(help='Folder for the model; else the shipped model is replaced.')
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option('--option', '-o', help='Any field of TrainConfig as key=value.'),
    ] = None,
) -> None:
    """Train the model from scratch on the project's own text."""
    from eip_bringup.key_values import config_from
    from eip_llm_interface.training import train as training

    given = [*(option or []), *([f'out={out}'] if out else [])]
    training.train(config_from(training.TrainConfig, given))


def evaluate(
    model: Model = '',
    jsonl: Annotated[Path | None, typer.Option(help='Rows {"text","label",…} of your own.')] = None,
    option: Annotated[
        list[str] | None,
        typer.Option('--option', '-o', help='Any field of EvalConfig as key=value.'),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure the guard on labelled commands."""
    from eip_bringup.key_values import config_from
    from eip_llm_interface.training import evaluate as evaluation

    given = [*(option or [])]
    given += [f'{k}={v}' for k, v in (('model', model), ('jsonl', jsonl)) if v]
    evaluation.evaluate(config_from(evaluation.EvalConfig, given))


COMMANDS = (check, train)
