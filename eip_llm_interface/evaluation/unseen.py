"""Which words the training sentences hold, to tell what a model learnt from what it read."""

from __future__ import annotations

import re
from functools import lru_cache

from eip_llm_interface.training.data_files import DATA
from eip_llm_interface.training.parts.freeform import written_rows
from eip_llm_interface.training.parts.patterns import written_patterns

__all__ = ['content_words', 'seen_words']

WORD = re.compile('[a-z]{3,}')


def content_words(text: str) -> frozenset[str]:
    """Return the words of three letters and more, in lower case."""
    return frozenset(WORD.findall(text.lower()))


@lru_cache(maxsize=1)
def seen_words() -> frozenset[str]:
    """Return every word of the sentences and word lists that the shipped model is trained on."""
    seen: set[str] = set()
    for _, _, row in written_rows():
        seen |= content_words(row['text'])
    for pattern in written_patterns():
        seen |= content_words(pattern.text)
    for path in DATA.glob('*.yaml'):
        seen |= content_words(path.read_text(encoding='utf-8'))
    return frozenset(seen)
