"""Signal temporal logic with past operators only, checked before `rtamt` sees it.

A formula compares signals with numbers (<, <=, >, >=), joins comparisons (and, or, not, xor,
implies or ->, iff or <->) and looks back (once[a:b], historically[a:b], since[a:b], prev, rise,
fall; bounds in seconds). Its robustness is how far it is from changing its truth, in the units of
the signals: below 0 the rule is violated (Donzé, Maler: Robust satisfaction of temporal logic over
real-valued signals, FORMATS 2010). Before the first sample lies nothing: `once` did not happen and
`historically` held, so `historically[0:2](x > 1)` is true with the first sample above 1.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from eip_safety_monitor.rules.formula_check import check_formula

__all__ = ['Formula']

BOUNDS = re.compile(r'\[\s*([^\s:\]]*)\s*:\s*([^\s:\]]*)\s*\]')
MOST_SAMPLES = 600


class Formula:
    """One formula, evaluated sample by sample, `period_s` apart."""

    def __init__(self, text: str, signals: Sequence[str], period_s: float) -> None:
        """Parse it; raises ValueError with the remedy."""
        checked = check_formula(text)
        names = tuple(dict.fromkeys(checked.mentions.values()))
        for name in names:
            if name not in signals:
                known = ', '.join(signals) or 'none'
                raise ValueError(f'formula names {name}, which is no signal; signals are: {known}')
        if not names:
            raise ValueError('formula names no signal, compare one with a number')
        _check_bounds(text, period_s)
        self.names = names
        self._count = 0
        self._checked, self._period_s = checked, period_s
        self._monitor = self._parse()
        self._warm()

    def step(self, values: Mapping[str, float]) -> float:
        """Take the next sample and return the robustness; below 0 the formula is violated.

        Raises ArithmeticError where it is not defined, such as a division by 0.
        """
        sample = [(mention, values[name]) for mention, name in self._checked.mentions.items()]
        try:
            robustness = float(self._monitor.update(self._count, sample))
        except Exception as error:
            # The library raises bare ones; whatever it is, the rule is not known.
            raise ArithmeticError(_told(error)) from None
        self._count += 1
        if math.isnan(robustness):
            raise ArithmeticError('the robustness is not a number')
        return robustness

    def restart(self) -> None:
        """Forget every sample."""
        self._monitor.reset()
        self._count = 0

    def _parse(self) -> Any:
        rtamt = _library()
        monitor = rtamt.StlDiscreteTimeOnlineSpecification()
        for mention in self._checked.mentions:
            monitor.declare_var(mention, 'float')
        monitor.unit = 's'
        monitor.set_sampling_period(round(self._period_s * 1000), 'ms', 0.1)
        monitor.spec = self._checked.text
        try:
            monitor.parse()
        except rtamt.RTAMTException as error:
            raise ValueError(f'formula is not understood: {_told(error)}') from None
        return monitor

    def _warm(self) -> None:
        # Some operators are refused only at the first sample.
        rtamt = _library()
        try:
            self._monitor.update(0, [(mention, 1.0) for mention in self._checked.mentions])
        except rtamt.RTAMTException as error:
            raise ValueError(f'formula cannot be evaluated: {_told(error)}') from None
        except Exception:
            pass  # not defined at 1 is no mistake
        self.restart()


def _library() -> ModuleType:
    # Only robots with rules pay for it.
    try:
        with warnings.catch_warnings():
            # Its parser's runtime is older than typing.TextIO.
            warnings.simplefilter('ignore', DeprecationWarning)
            import rtamt
    except ImportError as error:
        raise ValueError(
            f'formulas need rtamt, on Python below 3.13 ({error}); pip install -r requirements.txt'
        ) from None
    return rtamt


def _check_bounds(text: str, period_s: float) -> None:
    if text.count('[') != len(BOUNDS.findall(text)):
        raise ValueError('formula has bounds that are not [from:to], give seconds, such as [0:2]')
    for begin, end in BOUNDS.findall(text):
        try:
            first, last = float(begin), float(end)
        except ValueError:
            raise ValueError(f'formula has bounds [{begin}:{end}], give seconds') from None
        if first > last:
            raise ValueError(f'formula has bounds [{begin}:{end}], turn them round')
        if last / period_s > MOST_SAMPLES:
            most_s = MOST_SAMPLES * period_s
            raise ValueError(f'formula looks back {last:g} s, give at most {most_s:g} s')
        for bound in (first, last):
            if abs(bound / period_s - round(bound / period_s)) > 1e-6:
                raise ValueError(
                    f'formula has bound {bound:g} s, give a multiple of period_s {period_s:g}'
                )


def _told(error: Exception) -> str:
    return ' '.join(str(error).replace('RTAMT Exception:', '').split())[:120]
