"""Say a plan's step as a sentence, for people and for the guard."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ['call', 'sentence']

SENTENCES = {
    'go_to': 'Go to the {place}.',
    'pick': 'Pick up the {object}.',
    'place': 'Put the {object} on the {place}.',
    'hand_over': 'Give the {object} to {person}.',
    'open': 'Open the {appliance}.',
    'close': 'Close the {appliance}.',
    'turn_on': 'Turn on the {appliance}.',
    'turn_off': 'Turn off the {appliance}.',
    'follow': 'Follow {person}.',
    'say': 'Say "{text}".',
    'wait': 'Wait {duration_s} seconds.',
    'stop': 'Stop.',
}
INSIDE = frozenset({'fridge', 'sink', 'drawer', 'cabinet', 'microwave', 'oven', 'bin'})


def sentence(skill: str, parameters: Mapping[str, str]) -> str:
    """Return one English sentence; a skill without one of its own is spelled out."""
    words = {key: value.replace('_', ' ') for key, value in parameters.items()}
    if words.get('person') == 'user':
        words['person'] = 'the user'
    pattern = SENTENCES.get(skill)
    if skill == 'place' and parameters.get('place') in INSIDE:
        pattern = 'Put the {object} in the {place}.'
    if pattern is not None:
        try:
            return pattern.format_map(words)
        except KeyError:
            pass
    rest = ', '.join(f'{key.replace("_", " ")} {value}' for key, value in words.items())
    text = f'{skill.replace("_", " ")} {rest}'.strip()
    return f'{text[:1].upper()}{text[1:]}.'


def call(skill: str, parameters: Mapping[str, str], texts: frozenset[str] = frozenset()) -> str:
    """Return the step as a plan writes it; parameters named in `texts` are quoted."""
    inner = ', '.join(
        f'{key}="{value}"' if key in texts else f'{key}={value}'
        for key, value in parameters.items()
    )
    return f'{skill}({inner})'
