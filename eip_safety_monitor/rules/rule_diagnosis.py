"""What the rules saw, for the topic `diagnostics`."""

from __future__ import annotations

from collections.abc import Sequence

from eip_ros.diagnostics import Diagnosis, Level
from eip_safety_monitor.rules.rule_figures import RuleFigures
from eip_safety_monitor.violation_statistics import told_ago

__all__ = ['diagnose_rules']


def diagnose_rules(rules: Sequence[RuleFigures], now_ns: int) -> Diagnosis:
    """Return one diagnosis of all rules: OK while every one holds."""
    values: dict[str, str] = {}
    for rule in rules:
        robustness = 'unavailable' if rule.robustness is None else f'{rule.robustness:.3f}'
        values |= {
            f'{rule.name}.state': rule.state,
            f'{rule.name}.robustness': robustness,
            f'{rule.name}.violations': str(rule.violations),
            f'{rule.name}.violated_s': f'{rule.violated_s:.1f}',
            f'{rule.name}.last_violation': told_ago(rule.last_ns, now_ns),
            f'{rule.name}.trend': rule.trend,
        }
    broken = [rule.name for rule in rules if rule.state == 'violated']
    unknown = [rule.name for rule in rules if rule.state not in ('violated', 'holds')]
    if broken:
        return Diagnosis(Level.WARN, f'violated: {", ".join(broken)}', values)
    if unknown:
        return Diagnosis(Level.WARN, f'not known: {", ".join(unknown)}', values)
    return Diagnosis(Level.OK, 'every rule holds', values)
