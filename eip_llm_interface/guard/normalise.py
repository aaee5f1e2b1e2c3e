"""Make a received text plain before it is judged, and note what was odd about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from eip_llm_interface.guard.disguise import undo_disguise
from eip_llm_interface.guard.language import foreign_language, foreign_script, mostly_unknown
from eip_llm_interface.guard.vocabulary import Vocabulary

__all__ = ['MAX_CHARACTERS', 'Normalised', 'normalise']

MAX_CHARACTERS = 4000
MAX_COMBINING_MARKS = 3

# Letters of other scripts that look Latin (after Unicode TR 39), each to its Latin likeness.
CONFUSABLES = str.maketrans(
    'аеорсухіјѕԁһԛԝвнкмтАВЕКМНОРСТУХІЈЅαβγεικνοπρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɑɡʟոսօһցⅼ',
    'aeopcyxijsdhqwbhkmtABEKMHOPCTYXIJSabyeikvonptuxABEZHIKMNOPTYXiaglnuohgl',
)
BIDI = frozenset('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c')
INJECTION = re.compile(
    r'(?:ignore|disregard|forget|bypass|override|overrule|skip|set aside|pay no attention to)'
    r' (?:\w+ ){0,4}?(?:instructions?|rules?|polic(?:y|ies)|guidelines?|prompts?|restrictions?|'
    r'safety (?:checks?|filters?|rules?|limits?|polic\w+|guards?)|safeguards?|guardrails?|'
    r'constraints|(?:ethical|moral) \w+)'
    r'|(?:developer|dan|god|jailbreak|unrestricted|debug) mode'
    r'|(?:act|behave|respond|answer) as if (?:you (?:had|have) no|there (?:were|are) no)'
    r'|you (?:are|have) (?:now )?(?:free of|no longer bound|no) (?:\w+ ){0,3}'
    r'(?:rules|restrictions|limits|filters?|polic\w+|guidelines)'
    r'|without (?:any )?(?:restrictions|(?:ethical|moral|safety) (?:\w+ )?(?:checks?|constraints'
    r'|considerations|filters?|guidelines|limits))'
    r'|(?:ignore|disregard|forget) (?:all |everything )?(?:of )?(?:the )?(?:above|foregoing)'
    r'(?= (?:and|but|instead|then)\b|\s*(?:$|[^\w\s\'-]))'
    r'|you(?:\'re| are) now (?:an? )?(?:(?-i:DAN|dan)\b(?!\')|(?:unrestricted|unfiltered|uncensored'
    r'|jailbroken)\b)'
    r'|(?:answer|say|reply|output|respond|return|print)(?: only)?(?: with)? ["\']?(?:allow|safe|'
    r'approved)["\']?(?: |$|\.)',
    re.I,
)
POSING = re.compile(
    r'<\|?/?(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|s)\|?>'
    r'|\[/?(?:inst|system)\]|<</?sys>>|<(?:start|end)_of_turn>'
    r'|#{2,}\s*(?:response|instructions?|input|output|answer|human|user|system|assistant)\s*:'
    r'|(?:^|\n|[.!?;]["\')\]]*\s)\s*+(?:#++\s*+)?(?:system|assistant|scene|policy|verdict|guard'
    r'|safety monitor)'
    r'(?: (?:message|prompt|facts|note|override))?\s*[:=]',
    re.I,
)
# Signs that draw things, and those among them that only greet: faces, hearts, hands, ticks.
PICTOGRAPH = re.compile('[\U0001f000-\U0001faff\u2600-\u27bf]')
GREETING = re.compile(
    '[\U0001f600-\U0001f607\U0001f609-\U0001f64f\U0001f910-\U0001f917\U0001f920-\U0001f92f'
    '\U0001f970-\U0001f976\U0001f493-\U0001f49f\U0001f5a4\U0001f90d-\U0001f90f\U0001f9e1'
    '\U0001f44b-\U0001f44f\U0001f3fb-\U0001f3ff\u2639\u263a\u2665\u2705\u2713\u2714\u2763\u2764]'
)


@dataclass(frozen=True)
class Normalised:
    """A cleaned text.

    `text` is clean and keeps its case, for people and models; `folded` has disguises undone
    (look-alike letters, digits for letters, capitals anywhere, spaced, split or stretched words),
    for judging.
    `findings` names what was odd, in a fixed order and without doubles.
    """

    text: str
    folded: str
    findings: tuple[str, ...] = ()


def normalise(text: object, vocabulary: Vocabulary | None = None) -> Normalised:
    """Return `text` cleaned with findings; takes anything and never raises.

    With a vocabulary, disguises and languages are found too that show only by words being known.

    Findings: not_text, empty, too_long, binary, nul, control_characters, bidi, zero_width,
    combining_marks, confusables, mixed_script, not_understood, pictographs, encoded,
    alternating_case, spacing, leetspeak, stretching, prompt_injection, posing, other_script,
    other_language.
    """
    if not isinstance(text, str):
        return Normalised('', '', ('not_text',))
    findings: list[str] = []
    if len(text) > MAX_CHARACTERS:
        findings.append('too_long')
        text = text[:MAX_CHARACTERS]
    if text.isascii() and text.isprintable():
        clean = text.strip()
    else:
        clean = _strip_invisible(text, findings)
        clean = _fold_letters(clean, findings)
    if not clean:
        findings.append('empty')
    elif not any(character.isalpha() for character in clean):
        findings.append('not_understood')
    if PICTOGRAPH.search(GREETING.sub('', clean)):
        findings.append('pictographs')
    folded = undo_disguise(clean, findings, vocabulary)
    if INJECTION.search(clean) or INJECTION.search(folded):
        findings.append('prompt_injection')
    if POSING.search(clean) or POSING.search(folded):
        findings.append('posing')
    if foreign_script(clean):
        findings.append('other_script')
    elif foreign_language(folded) or (vocabulary and mostly_unknown(folded, vocabulary)):
        findings.append('other_language')
    return Normalised(clean, folded, tuple(dict.fromkeys(findings)))


def _strip_invisible(text: str, findings: list[str]) -> str:
    if '\x00' in text:
        findings.append('nul')
    kept: list[str] = []
    control = 0
    for character in text:
        category = unicodedata.category(character)
        if category == 'Cf' or character in '\u115f\u1160\u3164\u2800\ufe0f':
            if character != '\ufe0f':
                findings.append('bidi' if character in BIDI else 'zero_width')
        elif category in ('Cs', 'Co', 'Cn') or character == '\ufffd':
            findings.append('binary')
        elif category == 'Cc' and character not in '\n\r\t':
            control += 1
        else:
            kept.append(character)
    if control:
        findings.append('control_characters')
    if control > max(4, len(text) // 10):
        findings.append('binary')
    return ''.join(kept).strip()


def _fold_letters(text: str, findings: list[str]) -> str:
    decomposed = unicodedata.normalize('NFKD', text)
    marks = sum(unicodedata.combining(character) != 0 for character in decomposed)
    if marks > MAX_COMBINING_MARKS and marks * 3 > len(decomposed):
        findings.append('combining_marks')
        text = ''.join(c for c in decomposed if not unicodedata.combining(c))
    composed = unicodedata.normalize('NFKC', text)
    if _letters_changed(text, composed):
        findings.append('confusables')
    words = [_fold_word(word, findings) for word in re.split(r'(\s+)', composed)]
    return ''.join(words).strip()


def _letters_changed(before: str, after: str) -> bool:
    if len(before) != len(after):
        return False
    pairs = zip(before, after, strict=True)
    return sum(a != b and b.isascii() and b.isalpha() for a, b in pairs) > 1


def _fold_word(word: str, findings: list[str]) -> str:
    if word.isascii():
        return word
    folded = word.translate(CONFUSABLES)
    if folded == word:
        return word
    letters = [character for character in folded if character.isalpha()]
    if letters and all(character.isascii() for character in letters):
        mixed = any(character.isascii() and character.isalpha() for character in word)
        findings.append('mixed_script' if mixed else 'confusables')
        return folded
    return word
