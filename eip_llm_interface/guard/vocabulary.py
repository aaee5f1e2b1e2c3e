"""Which single words are known: those of the knowledge and common English ones."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from eip_llm_interface.guard.words import NOTHING
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['ENGLISH_FILE', 'Vocabulary']

ENGLISH_FILE = Path(__file__).parent.parent / 'knowledge' / 'english.txt'

# Common English words that no rule needs.
COMMON = """
    able afternoon almost anything appear aren't arent believe better big birthday boring can't
    cant cheap clever colour color consider couldn't couldnt didn't didnt doesn't doesnt early easy
    else enough especially evening ever everything exciting expect fact famous favourite favorite
    foreign funny great guess had hadn't happy hasn't haven't he'd he'll he's hour hours i'd i'll
    i'm i've idea important include interesting isn't isnt it's it'll ive large late latest list
    lose love lovely low menu minute minutes moment month months morning most mustn't name names
    nearest new newest news nice nickname none nope often oldest opinion ourselves passage perfect
    playlist pm pretty problem puzzle question quite ready reason require rhyme riddle schedule
    score seem she'd she'll she's should've shouldn't shouldnt song songs special spend story such
    summary that's thats they'll they're they've theyre think title translate understand
    wasn't we'll we're we've weather week weekend weeks weren't whether whom whose wonderful won't
    wont wouldn't wouldnt yeah yep yes yesterday yet you'll you're you've young youre
    aaa alexa descale dim localise localize louder organise quieter reboot recalibrate resume sand
    siri sow thirsty undock
"""
COMMON_WORDS = frozenset(COMMON.split())


class Vocabulary:
    """The single words of a knowledge's lexicon and idioms, and common English ones."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._lexicon = knowledge.lexicon
        found = (knowledge.lexicon.phrases, knowledge.idioms.phrases)
        told = (phrase for phrases in found for each in phrases.values() for phrase, _ in each)
        self._words = COMMON_WORDS.union(*told)
        self._english = self._words | _english()

    def knows(self, word: str) -> bool:
        """Return whether `word`, in any case and with or without 's, is known."""
        return _holds(self._words, word)

    def is_english(self, word: str) -> bool:
        """Return whether `word` is known, or is English though no rule speaks of it."""
        return _holds(self._english, word)

    def is_verb(self, word: str) -> bool:
        """Return whether `word` alone can be a verb."""
        _, entry = self._lexicon.match([word.lower()], 0) or (0, NOTHING)
        return entry.verb is not None


def _holds(words: frozenset[str], word: str) -> bool:
    low = word.lower()
    return low in words or low.partition("'")[0] in words


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    return frozenset(ENGLISH_FILE.read_text(encoding='utf-8').split())
