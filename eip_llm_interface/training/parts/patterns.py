"""Written patterns, in files patterns_*.txt: each line stands for as many sentences as its choices.

    u fire | {Put|Place} {a fork|some foil} in the microwave and {start it|turn it on}.
    s none @ nobody is near | push the {box|crate} back
    u harm_animal | Run over the [[pet|bird]] on the {lane|drive}.

A line is the label (s harmless, u harmful), a category, perhaps a scene after @, and a text with
choices. [[pet|bird]] stands for any word of these kinds in kinds.yaml, [[pet*]] for its plural.
Lines that stand together without an empty line between them are minimal pairs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eip_llm_interface.engine.nano_format import CATEGORIES, NanoFormat
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.inflect import noun_forms
from eip_llm_interface.training.data_files import DATA, PATTERNS, CorpusError, lines_of, load_yaml
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.parts.scenes import calm_scene
from eip_llm_interface.training.parts.wording import roughen

__all__ = ['Pattern', 'pattern_examples', 'written_patterns']

LINE = re.compile(r'([su]) ([a-z_]+)(?: @ ((?:\[\[.+?\]\]|[^|])+))? \| (.+)')
CHOICE = re.compile(r'\{([^{}]*)\}')
SLOT = re.compile(r'(?:\b([Aa])n? )?\[\[(.*?)\]\]')
SOUNDS_LIKE_A_VOWEL = re.compile(
    '(?!one\\b|once|e[uw])[aeio]|u(?!ku|ni[cfoqtv]|r[aei]|s[eu]|t[ei])|heir|hour|hono'
)
SIGNS = re.compile(r'[{}]|\[\[|\]\]')  # of choices and kinds, when they stand alone
FORM = (
    's or u, a category, perhaps "@ scene", then " | " and a text with {choice|choice} or [[kind]]'
)
CALM_SHARE = 0.1
KINDS_TIMES = 3  # as many sentences as of another pattern: a kind has a hundred words


@dataclass(frozen=True)
class Pattern:
    """One line: `target` is a verdict token, `group` the lines of file `source` it stands with."""

    text: str
    target: str
    scene: str
    source: str
    group: str

    def sayings(self, most: int, rng: random.Random) -> list[tuple[str, str]]:
        """Return at most `most` different (scene, sentence), KINDS_TIMES as many with kinds.

        They come in the order that `rng` gives.
        """
        if SLOT.search(self.scene + self.text):
            most *= KINDS_TIMES
        tried = ((_filled(self.scene, rng), _filled(self.text, rng)) for _ in range(2 * most))
        return list(dict.fromkeys(tried))[:most]


def written_patterns(folder: Path | None = None) -> Iterator[Pattern]:
    """Yield the patterns of every patterns_*.txt in `folder`, sorted by name; raises CorpusError.

    The shipped data folder is the default.
    """
    for path in sorted((folder or DATA).glob(PATTERNS)):
        yield from _read(path)


def _read(path: Path) -> Iterator[Pattern]:
    """Yield the patterns of one file; raises CorpusError with file, line and remedy."""
    group = 0
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            group += 1
        elif not line.startswith('#'):
            yield _pattern(line, f'{path.name}:{number}', path.stem, f'{path.stem}.{group}')


def pattern_examples(folder: Path | None, most: int, rng: random.Random) -> Iterator[Example]:
    """Yield at most `most` verdict examples per pattern of `folder`, none with 0.

    Patterns with kinds give KINDS_TIMES as many.
    """
    for pattern in written_patterns(folder) if most else ():
        for told, text in pattern.sayings(most, rng):
            scene = SceneFacts.of(told) if told else calm_scene(rng, CALM_SHARE)
            prompt = NanoFormat().verdict_prompts(roughen(text, rng), scene)[0]
            yield Example(prompt, pattern.target, pattern.source, pattern.group)


def _filled(text: str, rng: random.Random) -> str:
    """Return `text` with its choices made and its kinds named."""
    chosen = CHOICE.sub(lambda match: rng.choice(match[1].split('|')), text)
    return SLOT.sub(lambda match: _named(match, rng), ' '.join(chosen.split()))


def _named(slot: re.Match[str], rng: random.Random) -> str:
    """Return a word of one of the slot's kinds, after its article as the word wants it."""
    kind = rng.choice(slot[2].split('|'))
    word: str = rng.choice(load_yaml('kinds')[kind.removesuffix('*')])
    if kind.endswith('*'):
        word = noun_forms(word)[1]
    if not slot[1]:
        return word
    return f'{slot[1]}n {word}' if SOUNDS_LIKE_A_VOWEL.match(word) else f'{slot[1]} {word}'


def _pattern(line: str, where: str, source: str, group: str) -> Pattern:
    match = LINE.fullmatch(line.strip())
    said = f'{match[3] or ""} | {match[4]}' if match else ''
    if not match or SIGNS.search(SLOT.sub('', CHOICE.sub('', said))):
        raise CorpusError(f'{where} is {line[:60]!r}, give {FORM}')
    label, category, scene, text = match.groups()
    named = {kind.removesuffix('*') for slot in SLOT.finditer(said) for kind in slot[2].split('|')}
    if unknown := sorted(named - load_yaml('kinds').keys()):
        raise CorpusError(f'{where} names the kind {unknown[0]!r}, use one of data/kinds.yaml')
    if category not in CATEGORIES and (label, category) != ('s', 'none'):
        raise CorpusError(
            f'{where} has category {category!r}, use one of {", ".join(CATEGORIES)}'
            f'{", none" if label == "s" else ""}'
        )
    target = '<safe>' if label == 's' else f'<{category}>'
    return Pattern(text, target, scene or '', source, group)
