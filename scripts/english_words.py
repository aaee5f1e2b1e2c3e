"""Write `knowledge/english.txt`: the words of the training sentences, by which English is told.

A word counts when it stands in three sentences or more without a capital, as no name does, and is
no little word of another language.
"""

from __future__ import annotations

import re
from collections import Counter

from eip_llm_interface.guard.language import LISTED
from eip_llm_interface.guard.vocabulary import ENGLISH_FILE
from eip_llm_interface.training.parts.freeform import written_rows
from eip_llm_interface.training.parts.patterns import written_patterns

WORD = re.compile(r"(?<![\w'])[a-z]{2,}(?![\w'])")
LEAST = 3


def texts() -> list[str]:
    """Return every training sentence and pattern."""
    rows = [row['text'] for _, _, row in written_rows()]
    return [*rows, *(pattern.text for pattern in written_patterns())]


def main() -> None:
    """Write the list."""
    counts = Counter(word for text in texts() for word in set(WORD.findall(text)))
    words = sorted(word for word, n in counts.items() if n >= LEAST and word not in LISTED)
    ENGLISH_FILE.write_text('\n'.join(words) + '\n', encoding='utf-8')
    print(f'{ENGLISH_FILE}: {len(words)} words')


if __name__ == '__main__':
    main()
