"""Commands that talk to a robot which is up."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eip_bringup.cli.options import (
    DomainId,
    Namespace,
    Operator,
    Reason,
    all_namespaces,
    reach,
    usage,
)
from eip_bringup.errors import ExitCode, UserError

if TYPE_CHECKING:
    from eip_bringup.client import RobotClient

__all__ = ['COMMANDS']

DECISION_CODES = {0: ExitCode.REJECTED, 1: ExitCode.CONFIRM_NEEDED, 2: ExitCode.DONE}
DECISION_WORDS = {0: 'REJECT', 1: 'CONFIRM', 2: 'ALLOW'}
COLOURS = {0: 'red', 1: 'yellow', 2: 'green'}
OUTCOMES = {3: 'done', 4: 'failed', 5: 'cancelled'}


def say(
    text: Annotated[str, typer.Argument(help='What the robot shall do.')],
    wait: Annotated[bool, typer.Option(help='Wait until the plan is done.')] = False,
    timeout: Annotated[float, typer.Option(help='Longest wait for the outcome, s.')] = 120.0,
    namespace: Namespace = None,
    domain_id: DomainId = None,
) -> None:
    """Tell the robot what to do. Exit code 0 allowed or done, 3 confirm needed, 4 rejected."""
    with reach(namespace, domain_id) as robot:
        result = robot.say(text)
        _print_result(result)
        decision = result.verdict.decision
        if decision == 1:
            print(f'to go ahead: eip confirm {result.request_id} --operator NAME')
        if decision == 2 and not result.success:
            raise UserError(result.error)
        if decision == 2:
            _warn_when_not_armed(robot)
        if decision == 2 and wait:
            _wait_for_outcome(robot, result.plan.plan_id, timeout)
    raise typer.Exit(int(DECISION_CODES.get(decision, ExitCode.REJECTED)))


def confirm(
    request_id: Annotated[str, typer.Argument(help='As printed by `eip say`.')],
    operator: Operator = '',
    approve: Annotated[bool, typer.Option('--approve/--deny', help='Go ahead or drop it.')] = True,
    reason: Reason = 'confirmed on the command line',
    wait: Annotated[bool, typer.Option(help='Wait until the plan is done.')] = False,
    timeout: Annotated[float, typer.Option(help='Longest wait for the outcome, s.')] = 120.0,
    namespace: Namespace = None,
    domain_id: DomainId = None,
) -> None:
    """Answer a command that needs confirmation."""
    with reach(namespace, domain_id) as robot:
        _finish(robot.confirm(request_id, _named(operator), approve, reason))
        if wait and approve:
            found = robot.wait_for(
                lambda: (s := robot.plan_status) and s.request_id == request_id and s, 5.0
            )
            if found:
                _wait_for_outcome(robot, found.plan_id, timeout)


def stop(namespace: Namespace = None, domain_id: DomainId = None) -> None:
    """Stop the robot now, every robot when none is named, until `eip reset` and `eip arm`."""
    failed: list[UserError] = []
    for name in [namespace] if namespace is not None else all_namespaces():
        try:
            with reach(name, domain_id) as robot:
                _finish(robot.stop(), f'{name}: ' if name else '')
        except UserError as error:  # the others must be stopped all the same
            failed.append(error)
    if failed:
        for other in failed[1:]:
            print(f'error: {other}', file=sys.stderr)
        raise failed[0]


def reset(
    operator: Operator = '',
    reason: Reason = '',
    namespace: Namespace = None,
    domain_id: DomainId = None,
) -> None:
    """Clear a latched stop. Never starts motion: that is what `eip arm` is for."""
    _need_reason(reason)
    with reach(namespace, domain_id) as robot:
        _finish(robot.reset(_named(operator), reason))


def arm(
    operator: Operator = '',
    reason: Reason = '',
    namespace: Namespace = None,
    domain_id: DomainId = None,
) -> None:
    """Permit motion, after a start or a reset."""
    _need_reason(reason)
    with reach(namespace, domain_id) as robot:
        _finish(robot.arm(_named(operator), reason))


def disarm(namespace: Namespace = None, domain_id: DomainId = None) -> None:
    """Take back the permission to move, without latching a stop."""
    with reach(namespace, domain_id) as robot:
        _finish(robot.disarm())


COMMANDS = (say, confirm, stop, reset, arm, disarm)


def _named(operator: str) -> str:
    if operator:
        return operator
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise usage('--operator is empty, give your name') from None


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise usage('--reason is empty, say why it is safe, e.g. --reason "area is clear"')


def _finish(answer: tuple[bool, str], prefix: str = '') -> None:
    done, message = answer
    if not done:
        raise UserError(f'{prefix}{message}')
    print(f'{prefix}{message}')


def _print_result(result: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    verdict = result.verdict
    word = DECISION_WORDS.get(verdict.decision, 'REJECT')
    console.print(
        f'[bold {COLOURS.get(verdict.decision, "red")}]{word}[/] '
        f'(safety score {verdict.safety_score:.2f}, {verdict.latency_s * 1e3:.0f} ms)'
    )
    console.print(verdict.reason, markup=False)
    if result.response and not result.response.startswith(verdict.reason):
        console.print(result.response, markup=False)
    for violation in verdict.violations:
        console.print(f'  {violation.rule}: "{violation.evidence}"', markup=False)
    for step in result.plan.steps:
        values = ', '.join(f'{p.key}={p.value}' for p in step.parameters)
        console.print(f'  {step.index + 1}. {step.skill}({values})', markup=False)
    for measure in result.plan.mitigations:
        console.print(f'  measure: {measure}', markup=False)


def _warn_when_not_armed(robot: RobotClient) -> None:
    state = robot.wait_for(lambda: robot.state, 1.0)
    if state is not None and not state.motion_permitted:
        cause = state.cause or 'not armed'
        print(f'the robot holds: {cause}' + (' (see `eip arm`)' if state.mode == 1 else ''))


def _wait_for_outcome(robot: RobotClient, plan_id: str, timeout_s: float) -> None:
    def ended() -> Any:
        status = robot.plan_status
        return status if status and status.plan_id == plan_id and status.state in OUTCOMES else None

    status = robot.wait_for(ended, timeout_s)
    if status is None:
        now = robot.plan_status.message if robot.plan_status else 'nothing heard of it'
        raise UserError(f'the plan did not end within {timeout_s:.0f} s: {now}')
    print(f'{OUTCOMES[status.state]}: {status.message}')
    if status.state != 3:
        raise typer.Exit(int(ExitCode.FAILED))
