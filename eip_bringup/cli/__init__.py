"""The `eip` command line. Each command imports what it needs only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from eip_bringup.cli import audit, judge, life, robot, status, tools
from eip_bringup.errors import ExitCode, UserError

__all__ = ['app', 'main']

app = typer.Typer(
    name='eip',
    help='Put a language model on a robot without letting it hurt anyone.',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help']},
)
for group in (life, robot, status, judge, tools):
    for command in group.COMMANDS:
        app.command()(command)
app.command(name='bench', context_settings=tools.BENCH_SETTINGS)(tools.bench)
app.command(name='eval')(judge.evaluate)
app.add_typer(audit.app, name='audit')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; a user's mistake costs one line."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return int(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] not in ('rclpy', 'eip', 'torch', 'transformers'):
            raise
        print(
            f'error: {error.name} cannot be imported: run `make setup` in the source tree, or '
            f'source the ROS 2 workspace that holds eip (this is {sys.executable})',
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:
        # The reader went away, as in `eip check … | head`: end without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return os.EX_OK
