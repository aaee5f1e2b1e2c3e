"""Make a received text plain before it is judged, and note what was odd about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from eip_llm_interface.guard.language import foreign_language, foreign_script

__all__ = ['MAX_CHARACTERS', 'Normalised', 'normalise']

MAX_CHARACTERS = 4000
MAX_COMBINING_MARKS = 3

# Letters of other scripts that look Latin (after Unicode TR 39), each to its Latin likeness.
CONFUSABLES = str.maketrans(
    'аеорсухіјѕԁһԛԝвнкмтАВЕКМНОРСТУХІЈЅαβγεικνοπρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɑɡʟոսօһցⅼ',
    'aeopcyxijsdhqwbhkmtABEKMHOPCTYXIJSabyeikvonptuxABEZHIKMNOPTYXiaglnuohgl',
)
LEET = str.maketrans('013457@$!|', 'oieastasil')
BIDI = frozenset('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c')
LEET_WORD = re.compile(r'(?<![\w@$])(?=[\w@$!|]*[a-zA-Z])(?=[\w@$!|]*[013457@$!|])[\w@$!|]{3,}')
LEET_INSIDE = re.compile(r'[a-zA-Z][013457@$!|]+[a-zA-Z]|^[@$0137!|]+[a-zA-Z]{2}')
UNIT_LIKE = re.compile(
    r'^\d+[a-z]{1,3}$|^[a-zA-Z]+\d+$|^\d+(?:st|nd|rd|th)$|^[a-z]\d[a-z]$|^\d+[a-z]+\d*$', re.I
)
SPACED = re.compile(r'(?<!\w)(?:[a-zA-Z][ .\-_*+]{1,2}){3,}[a-zA-Z](?!\w)')
STRETCHED = re.compile(r'([a-zA-Z])\1{2,}')
ENCODED = re.compile(r'(?<![\w/+])[A-Za-z0-9+/]{32,}={0,2}(?![\w/+])')
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
    r'|(?:answer|say|reply|output|respond|return|print)(?: only)?(?: with)? ["\']?(?:allow|safe|'
    r'approved)["\']?(?: |$|\.)',
    re.I,
)
POSING = re.compile(
    r'<\|?/?(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|s)\|?>'
    r'|\[/?(?:inst|system)\]|<</?sys>>|<(?:start|end)_of_turn>'
    r'|(?:^|\n)\s*#*\s*(?:system|assistant|scene|policy|verdict|guard|safety monitor)'
    r'(?: (?:message|prompt|facts|note|override))?\s*[:=]',
    re.I,
)


@dataclass(frozen=True)
class Normalised:
    """A cleaned text.

    `text` is clean and keeps its case, for people and models; `folded` has disguises undone
    (look-alike letters, digits for letters, spaced or stretched letters), for judging.
    `findings` names what was odd, in a fixed order and without doubles.
    """

    text: str
    folded: str
    findings: tuple[str, ...] = ()


def normalise(text: object) -> Normalised:
    """Return `text` cleaned with findings; takes anything and never raises.

    Findings: not_text, empty, too_long, binary, nul, control_characters, bidi, zero_width,
    combining_marks, confusables, mixed_script, other_script, other_language, leetspeak,
    spacing, stretching, encoded, prompt_injection, posing.
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
    folded = _undo_disguise(clean, findings)
    if INJECTION.search(clean) or INJECTION.search(folded):
        findings.append('prompt_injection')
    if POSING.search(clean) or POSING.search(folded):
        findings.append('posing')
    if foreign_script(clean):
        findings.append('other_script')
    elif foreign_language(folded):
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


def _undo_disguise(text: str, findings: list[str]) -> str:
    def unspaced(match: re.Match[str]) -> str:
        findings.append('spacing')
        return re.sub(r'[^a-zA-Z]', '', match[0])

    def unleeted(match: re.Match[str]) -> str:
        word = match[0]
        core = word.rstrip('!|')
        if UNIT_LIKE.match(core) or not LEET_INSIDE.search(core):
            return word
        findings.append('leetspeak')
        return core.translate(LEET)

    folded = SPACED.sub(unspaced, text)
    folded = LEET_WORD.sub(unleeted, folded)
    if STRETCHED.search(folded):
        folded = STRETCHED.sub(_unstretched(findings), folded)
    if ENCODED.search(folded) and not folded.islower():
        findings.append('encoded')
    return folded


def _unstretched(findings: list[str]):  # type: ignore[no-untyped-def]
    def once(match: re.Match[str]) -> str:
        findings.append('stretching')
        return match[1]

    return once
