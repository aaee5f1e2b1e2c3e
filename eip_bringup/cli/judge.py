"""Commands that need the model and no ROS: check, train, eval."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from eip_bringup.cli.options import JsonFile, usage
from eip_bringup.errors import ExitCode, UserError

__all__ = ['COMMANDS', 'evaluate']

CODES = {'allow': ExitCode.DONE, 'confirm': ExitCode.CONFIRM_NEEDED, 'reject': ExitCode.REJECTED}
Model = Annotated[
    str, typer.Option(help='Model: a directory or a hub name; empty for the shipped one.')
]

Knowledge = Annotated[
    list[Path] | None,
    typer.Option(
        help='Knowledge of your own (YAML) on top of the shipped one; may be repeated. '
        'On a robot: parameter knowledge_files.'
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(help='Guard policy (YAML) instead of the shipped one; parameter policy_file.'),
]
RobotKind = Annotated[
    str,
    typer.Option(
        help='Leave out rules that bind only other kinds of robots; parameter robot_kind.'
    ),
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
    knowledge: Knowledge = None,
    policy: PolicyFile = None,
    robot_kind: RobotKind = '',
) -> None:
    """Judge a command without a robot. Exit code 0 allow, 3 confirm, 4 reject."""
    if (text is None) == (jsonl is None):
        raise usage('give either a command or --jsonl FILE')
    from eip_bringup.judging import JudgeFiles, check_lines, make_judge, open_lines

    files = JudgeFiles(tuple(knowledge or ()), policy, robot_kind)
    if jsonl is not None:
        lines = open_lines(jsonl)
        bad = check_lines(lines, make_judge(model, rules_only, files), sys.stdout, sys.stderr)
        raise typer.Exit(int(ExitCode.FAILED) if bad else 0)
    verdict = make_judge(model, rules_only, files)(text or '', context or None)
    print(f'{verdict.decision.word.upper()} (safety score {verdict.safety_score:.2f})')
    print(verdict.reason)
    for violation in verdict.violations:
        print(f'  {violation.rule}: "{violation.evidence}"')
    raise typer.Exit(int(CODES[verdict.decision.word]))


def train(
    output: Annotated[Path | None, typer.Option(help='Folder for the model.')] = None,
    option: Annotated[
        list[str] | None,
        typer.Option('--option', '-o', help='Any field of TrainConfig as key=value.'),
    ] = None,
) -> None:
    """Train the model on the project's own text, from scratch or (-o start=) from another."""
    from eip_bringup.key_values import config_from
    from eip_llm_interface.training.train import TrainConfig
    from eip_llm_interface.training.train import train as run

    config = config_from(TrainConfig, [*(option or []), *([f'output={output}'] if output else [])])
    with _one_line():
        result = run(config)
    print(
        f'{result.output}: {result.parameters / 1e6:.1f} million parameters, '
        f'{result.weights_mb:.1f} MB, {result.steps} steps in {result.seconds:.0f} s'
    )
    for name, value in result.figures.items():
        print(f'  {name} {value:.4g}')
    print(f'try it: eip check --model {result.output} "go to the sink"')


def calibrate(
    model: Annotated[Path, typer.Argument(help='Folder of a model that `eip train` made.')],
    rows: Annotated[
        Path | None, typer.Option(help='Folder with a calibration.jsonl; default the shipped one.')
    ] = None,
    harm_prior: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.999,
            help="Share of harmful commands in use; default what the policy's thresholds expect.",
        ),
    ] = None,
) -> None:
    """Make a trained model's probabilities mean what they say, on other sentences."""
    with _one_line():
        _calibrate(model, rows, harm_prior)


def average(
    models: Annotated[
        list[Path], typer.Argument(help='Folders of models trained further from one start.')
    ],
    output: Annotated[Path, typer.Option(help='Folder for their mean.')],
) -> None:
    """Take the mean of trained models, which judges better than each, and calibrate it."""
    from eip_llm_interface.training.average import average as mean_of

    with _one_line():
        print(mean_of(models, output))
        _calibrate(output)


def evaluate(
    jsonl: Annotated[
        list[Path] | None,
        typer.Option(
            help='Rows {"text","label",…}, label safe or unsafe; may be repeated. '
            'Without it the shipped sets, which no training saw.'
        ),
    ] = None,
    model: Model = '',
    knowledge: Knowledge = None,
    policy: PolicyFile = None,
    robot_kind: RobotKind = '',
    option: Annotated[
        list[str] | None,
        typer.Option('--option', '-o', help='Any field of EvalConfig as key=value.'),
    ] = None,
    json_file: JsonFile = None,
    plots: Annotated[
        Path | None, typer.Option(help='Folder for roc.png, reliability.png, confusion.png.')
    ] = None,
    card: Annotated[
        bool, typer.Option('--card', help="Write the tables into the model's README.md.")
    ] = False,
) -> None:
    """Measure the guard on labelled commands."""
    from eip_bringup.key_values import config_from
    from eip_llm_interface.evaluation.evaluate import EvalConfig
    from eip_llm_interface.evaluation.evaluate import evaluate as run
    from eip_llm_interface.evaluation.tables import print_report

    given = [*(option or [])]
    given += [f'model={model}'] if model else []
    given += [f'knowledge={",".join(map(str, knowledge))}'] if knowledge else []
    given += [f'policy={policy}'] if policy else []
    given += [f'robot_kind={robot_kind}'] if robot_kind else []
    given += [f'jsonl={",".join(map(str, jsonl))}'] if jsonl else []
    config = config_from(EvalConfig, given)
    with _one_line():
        report = run(config)
    print_report(report)
    if json_file:
        _write(json_file, report.to_json())
    with _one_line():
        if plots:
            from eip_llm_interface.evaluation.plots import write_plots

            print(*write_plots(report, plots), sep='\n')
        if card:
            from eip_llm_interface.evaluation.card import write_results

            print(write_results(report, config.model))


COMMANDS = (check, train, calibrate, average)


def _calibrate(folder: Path, rows: Path | None = None, harm_prior: float | None = None) -> None:
    """Calibrate the model in `folder` anew and print what came of it."""
    from eip_llm_interface.training.recalibrate import recalibrate

    calibration, error = recalibrate(folder, rows, harm_prior)
    print(
        f'{folder}: temperature {calibration.temperature:.3f}, bias {calibration.bias:.3f}; '
        f'calibration error {error:.3f} on the half that it was not made on'
    )


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what a file or a setting causes into one line."""
    try:
        yield
    except (ValueError, OSError, RuntimeError) as error:
        raise UserError(str(error).strip().partition('\n')[0]) from error


def _write(path: Path, values: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(values, indent=1, default=str) + '\n')
    except OSError as error:
        raise UserError(f'{path} cannot be written: {error}') from None
