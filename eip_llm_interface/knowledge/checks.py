"""Read single values of a knowledge file; what cannot be is told with its value and a remedy."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from string import Formatter
from typing import Any

__all__ = [
    'KnowledgeError',
    'check_blanks',
    'check_properties',
    'mapping_of',
    'number_of',
    'ratio_of',
    'remedy',
    'text_of',
    'truth_of',
    'words_of',
]

FEW = 40


class KnowledgeError(ValueError):
    """Knowledge that cannot be used; the text names file, field, value and remedy."""


def remedy(word: object, known: Collection[str]) -> str:
    """Return the known word that is probably meant, else what may stand there."""
    near = difflib.get_close_matches(str(word), known, 1)
    if near:
        return f'did you mean {near[0]}?'
    if len(known) > FEW:
        return 'knowledge/README.md lists the known ones'
    return f'use one of {sorted(known)}'


def words_of(value: object, where: str, known: Collection[str] | None = None) -> frozenset[str]:
    """Return the words of a text or a list; raises KnowledgeError for none or an unknown one."""
    texts: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise KnowledgeError(f'{where} is {value!r:.80}, give words with spaces between them')
    words = [word for text in texts for word in text.replace(',', ' ').split()]
    if not words:
        raise KnowledgeError(f'{where} is {value!r:.80}, give at least one word or leave it out')
    for word in words:
        if known is not None and word not in known:
            raise KnowledgeError(f'{where} has the unknown word {word!r}; {remedy(word, known)}')
    return frozenset(words)


def text_of(item: Mapping[str, object], field: str, where: str) -> str:
    """Return a text, '' where there is none; raises KnowledgeError for anything else."""
    value = item.get(field)
    if value is None:
        return ''
    if not isinstance(value, str):
        raise KnowledgeError(f'{where}: field {field} is {value!r:.80}, give a text in quotes')
    return value.strip()


def truth_of(value: object, where: str) -> bool:
    """Return true or false; raises KnowledgeError for anything else, texts like "no" too."""
    if not isinstance(value, bool):
        raise KnowledgeError(f'{where} is {value!r:.80}, give true or false without quotes')
    return value


def number_of(value: object, where: str) -> float:
    """Return a finite number; raises KnowledgeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise KnowledgeError(f'{where} is {value!r:.80}, give a number')
    return float(value)


def ratio_of(value: object, where: str) -> float:
    """Return a number 0 to 1; raises KnowledgeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise KnowledgeError(f'{where} is {value!r:.80}, give a number 0 to 1')
    return float(value)


def mapping_of(value: object, where: str, form: str) -> Mapping[str, object]:
    """Return a mapping of texts, empty where there is none; `form` says what to give."""
    given = {} if value is None else value
    if not isinstance(given, Mapping):
        raise KnowledgeError(f'section {where} is {given!r:.80}, give {form}')
    for key in given:
        if not isinstance(key, str) or not key.strip():
            raise KnowledgeError(f'section {where} has the key {key!r:.80}, give a text in quotes')
    return given


def check_properties(marks: Collection[str], where: str, known: Collection[str]) -> None:
    """Raise KnowledgeError unless every mark is a known property."""
    for mark in marks:
        if mark not in known:
            near = difflib.get_close_matches(mark, known, 1)
            meant = f'did you mean {near[0]}? Else' if near else 'Please'
            raise KnowledgeError(
                f'{where}: property {mark!r} is unknown; {meant} add it to the section properties'
            )


def check_blanks(text: str, blanks: Collection[str], where: str) -> None:
    """Raise KnowledgeError unless `text` can be filled with `blanks`, as {object} is."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise KnowledgeError(
            f'{where} is {text!r:.80}, which has a brace without its partner; double it'
        ) from None
    for _, blank, form, conversion in parts:
        if blank is not None and (blank not in blanks or form or conversion):
            raise KnowledgeError(
                f'{where} has the blank {{{blank}}} in a form that cannot be filled; '
                f'{remedy(blank, blanks)}'
            )
