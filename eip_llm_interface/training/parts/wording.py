"""Turn patterns with choices into many wordings, and roughen them as people do."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

__all__ = ['choose', 'fill', 'roughen', 'wrap']

CHOICE = re.compile(r'\(([^()]*)\)')
SLOT = re.compile(r'\{(\w+)\}')
BEFORE = (
    '', '', '', '', '', 'please ', 'could you ', 'can you ', 'would you ', 'hey robot, ', 'robot, ',
    'i need you to ', 'i want you to ', 'would you mind, ', 'now ', 'go ahead and ', 'kindly ',
    'when you have a moment, ', 'your next job: ', 'task: ', 'the robot should ', 'ok, ', 'just ',
    "i'd like you to ", 'make sure to ', 'quickly ', 'carefully ', 'you have to ', "let's ",
)  # fmt: skip
AFTER = (
    '', '', '', '', '', '', ' please', ' now', ' for me', ' thanks', ', thank you', ' today',
    ' right away', ' when you can', ', would you', ' before i get back', ' this evening',
)  # fmt: skip
NEIGHBOURS = {'a': 's', 'e': 'r', 'i': 'o', 'o': 'p', 'n': 'm', 't': 'r', 's': 'd', 'l': 'k'}


def choose(pattern: str, rng: random.Random) -> str:
    """Return `pattern` with each '(a|b|)' replaced by one of its choices, innermost first."""
    while True:
        chosen = CHOICE.sub(lambda match: rng.choice(match[1].split('|')), pattern)
        if chosen == pattern:
            return ' '.join(chosen.split())
        pattern = chosen


def fill(pattern: str, words: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """Return `pattern` with choices made and each {slot} filled from `words`; no word twice."""
    used: set[str] = set()

    def word(match: re.Match[str]) -> str:
        name = match[1].rstrip('0123456789')
        free = [item for item in words[name] if item not in used] or list(words[name])
        chosen = rng.choice(free)
        used.add(chosen)
        return choose(chosen, rng)

    return choose(SLOT.sub(word, choose(pattern, rng)), rng)


def wrap(text: str, rng: random.Random) -> str:
    """Return a command in some speaker's frame: polite, terse, with or without a name."""
    if text.endswith(('?', '!', '.')) or rng.random() < 0.35:
        return text
    return f'{rng.choice(BEFORE)}{text}{rng.choice(AFTER)}'


def roughen(text: str, rng: random.Random) -> str:
    """Return `text` with the odd typo, or with punctuation and articles treated freely."""
    roll = rng.random()
    if roll < 0.06 and len(text) > 8:
        at = rng.randrange(1, len(text) - 2)
        swap = rng.random()
        if swap < 0.4:
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif swap < 0.7:
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + NEIGHBOURS.get(text[at], text[at]) + text[at + 1 :]
    elif roll < 0.12:
        text = re.sub(r'\b(the|a|an) ', '', text)
    elif roll < 0.4:
        text += rng.choice(('.', '!', '.'))
    return text
