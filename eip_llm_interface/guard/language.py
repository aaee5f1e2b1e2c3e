"""Tell whether a text is in the language the rules were written for, English."""

from __future__ import annotations

import re
import unicodedata

from eip_llm_interface.guard.vocabulary import Vocabulary
from eip_llm_interface.guard.words import spaced_out

__all__ = ['foreign_language', 'foreign_script', 'mostly_unknown', 'plain_english']

# The commonest little words and robot verbs of languages written in Latin letters, none English.
FOREIGN = """
    der das den dem ein eine einen einem einer und nicht mit auf aus bitte zum zur ich ist bring
    bringe stelle leg lege nimm mach mache oeffne öffne schließe schliesse schneide messer küche
    wirf gieße gib hol hole fahr fahre zu ins vom beim dann ihn sie es
    le la les des du une et avec dans sur pas pour mets mettez prends prenez donne donnez ouvre
    ferme apporte coupe cuisine couteau moi au aux est il elle ce cette puis verse jette chez
    el los las un una y con en por para pon ponga toma trae abre cierra corta cocina cuchillo mí
    dame lleva del al es lo luego tira vierte coge que de mesa
    il lo gli uno ed nel nella sul sulla per metti prendi porta apri chiudi taglia coltello mi
    poi versa getta dammi della dello che di tavolo
    o os um uma e com na nos nas põe coloque pegue traga abra feche corte cozinha faca meu
    do da depois jogue leve não
    het een en met op niet zet pak breng geef snij keuken mes naar van voor dan gooi leg mij
    i och med på inte ställ ta hämta öppna stäng kniv köket till från det en ett
    og ikke med på hent åbn luk kniv køkken til fra
    ve bir ile bana getir aç kapat koy bıçak mutfak
    proszę weź daj połóż otwórz zamknij nóż kuchni na do się nie mi jest
    a az egy és nem vidd hozd tedd kés konyha
    im huis
    ja ei veitsi tuo laita avaa sulje keittiö
"""
# Of the words above, those that are English words too, or names, and so prove nothing.
ALSO_ENGLISH = """
    a i do on me la le as leg per die den dem mi es en de an in to at is or so no he um un al
    pour do van op pan porta mes tire lay o os e da ta na ne it des est cuisine dame pack hol
    met zet der los il el den fra til ja et du pour set dan is al lo con para se que las go come
    no ten cut da met va tout top fast mine son ai me dos im
"""
BEFORE = """
    please kindly hey hi hello ok okay robot now then im
"""
IN_NAMES = """
    de da di del della du des la le las los van von
"""
ENGLISH = """
    the a an of to and in on at it is with from for then that this your you my me please into
    if when while after before not don't be are was will can could would should there their them
    him her his its by or as up down off out over under turn put take go pick place bring give
"""
BEFORE_WORDS = frozenset(BEFORE.split())
PARTICLES = frozenset(IN_NAMES.split())
LISTED = frozenset(FOREIGN.split())
AMBIGUOUS = frozenset(ALSO_ENGLISH.split())
PROOF = LISTED - AMBIGUOUS
CALLED = re.compile(r'\s*(?:(?:hey|hi|hello|ok|okay)\s+)?[A-Z]\w*\s*,')
ENGLISH_WORDS = frozenset(ENGLISH.split())
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def foreign_script(text: str) -> bool:
    """Return whether a fifth or more of the letters are not Latin."""
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    foreign = sum(
        not character.isascii() and 'LATIN' not in unicodedata.name(character, '')
        for character in letters
    )
    return foreign * 5 >= max(1, len(letters))


def foreign_language(text: str) -> bool:
    """Return whether a text in Latin letters is probably not English.

    Counts proof on both sides: little words of other languages against English ones.
    """
    words = [word.lower() for word in WORD.findall(text)]
    if not words:
        return False
    english = sum(word in ENGLISH_WORDS for word in words)
    foreign = sum(word in PROOF or not word.isascii() for word in words)
    return foreign > english and foreign * 5 >= len(words) and (foreign > 1 or len(words) < 4)


def mostly_unknown(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a text is probably not English since its words are no English ones.

    Its first word is unknown and more words are unknown than speak for English, little words
    counting twice and those of several languages not at all; or most words are unknown and one of
    them is a little word of another language. Names that are called or do something prove nothing.
    """
    words = WORD.findall(spaced_out(CALLED.sub('', text, count=1)))
    while words and words[0].lower() in BEFORE_WORDS:
        words = words[1:]
    unknown = [word for word in words if not vocabulary.is_english(word)]
    if len(unknown) == len(words):  # the rules ask about these unless they take one for a name
        return any(word in LISTED or word[0].isupper() for word in words[1:])
    if unknown[:1] == words[:1] and not _acts(words, vocabulary):
        known = {word.lower() for word in words if word not in unknown} - AMBIGUOUS
        return len(unknown) > len(known) + len(known & ENGLISH_WORDS)
    if len(unknown) * 2 <= len(words):
        return False
    return any(
        word in LISTED
        and word in unknown
        and not (word in PARTICLES and index > 1 and words[index - 1][0].isupper())
        for index, word in enumerate(words)
    )


def plain_english(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether every word of the text is an English one, of which there are some."""
    words = WORD.findall(spaced_out(text))
    return bool(words) and all(map(vocabulary.is_english, words))


def _acts(words: list[str], vocabulary: Vocabulary) -> bool:
    """Return whether `words` start with a name and an English verb: Robbie fetch ..."""
    return (
        words[0][0].isupper()
        and len(words) > 1
        and vocabulary.is_verb(words[1])
        and words[1].lower() not in AMBIGUOUS
    )
