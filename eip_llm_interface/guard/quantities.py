"""Read a number with its unit from words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ['quantity']

# Unit wordings with the quantity and the factor to its SI-based unit.
UNITS: dict[tuple[str, ...], tuple[str, float]] = {
    ('m', 's'): ('speed_mps', 1.0),
    ('mps',): ('speed_mps', 1.0),
    ('meters', 'per', 'second'): ('speed_mps', 1.0),
    ('metres', 'per', 'second'): ('speed_mps', 1.0),
    ('meter', 'per', 'second'): ('speed_mps', 1.0),
    ('km', 'h'): ('speed_mps', 1 / 3.6),
    ('kmh',): ('speed_mps', 1 / 3.6),
    ('kph',): ('speed_mps', 1 / 3.6),
    ('kilometers', 'per', 'hour'): ('speed_mps', 1 / 3.6),
    ('kilometres', 'per', 'hour'): ('speed_mps', 1 / 3.6),
    ('mph',): ('speed_mps', 0.447),
    ('miles', 'per', 'hour'): ('speed_mps', 0.447),
    ('knots',): ('speed_mps', 0.514),
    ('m',): ('height_m', 1.0),
    ('meter',): ('height_m', 1.0),
    ('meters',): ('height_m', 1.0),
    ('metre',): ('height_m', 1.0),
    ('metres',): ('height_m', 1.0),
    ('feet',): ('height_m', 0.305),
    ('ft',): ('height_m', 0.305),
    ('foot',): ('height_m', 0.305),
    ('km',): ('height_m', 1000.0),
    ('kilometers',): ('height_m', 1000.0),
    ('kilometres',): ('height_m', 1000.0),
    ('kg',): ('load_kg', 1.0),
    ('kilograms',): ('load_kg', 1.0),
    ('kilos',): ('load_kg', 1.0),
    ('pounds',): ('load_kg', 0.454),
    ('tons',): ('load_kg', 1000.0),
    ('tonnes',): ('load_kg', 1000.0),
    ('c',): ('temperature_c', 1.0),
    ('°c',): ('temperature_c', 1.0),
    ('°',): ('temperature_c', 1.0),
    ('celsius',): ('temperature_c', 1.0),
    ('degrees', 'celsius'): ('temperature_c', 1.0),
    ('degrees', 'c'): ('temperature_c', 1.0),
    ('degrees',): ('temperature_c', 1.0),
    ('degrees', 'fahrenheit'): ('temperature_c', 0.556),
    ('degrees', 'f'): ('temperature_c', 0.556),
    ('minute',): ('duration_min', 1.0),
    ('minutes',): ('duration_min', 1.0),
    ('min',): ('duration_min', 1.0),
    ('hour',): ('duration_min', 60.0),
    ('hours',): ('duration_min', 60.0),
    ('days',): ('duration_min', 1440.0),
}


def quantity(words: Sequence[str]) -> tuple[str, float, int] | None:
    """Return name, value and words used when `words` starts with a number and a unit."""
    try:
        value = float(words[0].replace(',', ''))
    except ValueError:
        return None
    tail = tuple(word for word in words[1:4])
    for length in (3, 2, 1):
        found = UNITS.get(tail[:length]) if len(tail) >= length else None
        if found is not None:
            return found[0], value * found[1], 1 + length
    return None
