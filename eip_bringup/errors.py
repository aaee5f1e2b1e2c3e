"""What a person can put right: one line on the screen and an exit code, no traceback."""

from __future__ import annotations

from enum import IntEnum

__all__ = ['ExitCode', 'UnreachableError', 'UserError']


class ExitCode(IntEnum):
    """What `eip` returns to the shell."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIRM_NEEDED = 3
    REJECTED = 4
    UNREACHABLE = 5


class UserError(Exception):
    """Something a person can put right; the text names the thing, the value and the remedy."""

    exit_code = ExitCode.FAILED


class UnreachableError(UserError):
    """The robot, or the node that was asked, did not answer."""

    exit_code = ExitCode.UNREACHABLE
