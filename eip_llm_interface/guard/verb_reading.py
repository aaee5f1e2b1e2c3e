"""Tell verbs from nouns, and start a step with each verb."""

from __future__ import annotations

from eip_llm_interface.guard.noun_reading import NounReading
from eip_llm_interface.guard.step import Mention
from eip_llm_interface.guard.words import Word
from eip_llm_interface.knowledge.lexicon import VerbSense

__all__ = ['VerbReading']

CAUSATIVE = frozenset({'act', 'carry', 'help', 'tell', 'look', 'cause', 'persuade', 'work'})
HAS = frozenset({'has', 'have', 'had'})
TOLD_BY = frozenset({'is', 'are', 'was', 'were', 'has been', 'got'}) | HAS


class VerbReading(NounReading):
    """Recognises verbs by form and place."""

    def _is_verb(self, index: int) -> bool:
        word = self.words[index]
        entry = word.entry
        if entry.verb is None or (entry.little == 'copula' and self._describes(index)):
            return False
        before = self.words[index - 1] if index else None
        little, value = ('', '') if before is None else (before.entry.little, before.entry.value)
        at_start = self.sentence_start or self.clause.empty or self.joined or little == 'comma'
        if little == 'det' or self.clause.of or (little == 'possessive'):
            return False
        if entry.little == 'particle' and not self._object_follows(index):
            return False
        is_described = little in ('copula', 'neg') and value != 'omit'
        if entry.form == 'base' and self.clause.copula and is_described:
            return False
        if entry.form == 'past' and little == 'subject' and entry.noun is None:
            return True
        if entry.form == 'past':
            return (
                self.clause.copula
                and entry.noun is None
                and not entry.states
                and not (before is not None and before.entry.states)
            )
        if little in ('modal', 'subject', 'neg', 'polite', 'let'):
            return True
        if little == 'to':
            return entry.noun is None or not self._noun_like(index)
        if entry.form == 'ing':
            return (
                entry.noun is None
                and not entry.states
                and (
                    at_start
                    or little in ('by', 'conj', 'prep', 'adverb', 'with', 'neg', 'catenative')
                    or self.clause.step.verb is None
                    or (
                        before is not None
                        and before.entry.verb is not None
                        and not self.clause.last
                    )
                )
            )
        if entry.form == 's':
            first = self.clause.step.verb is None and not at_start
            return first and (entry.noun is None or self._ends_told(index))
        if at_start:
            return entry.noun is None or not self._noun_like(index) or self.sentence_start
        if little == 'conj':
            return entry.noun is None or not self._noun_like(index)
        if little in ('prep', 'number', 'with', 'from', 'adjective', 'by'):
            return False
        if before is not None and before.entry.states and before.entry.verb is None:
            return entry.noun is None and self._object_follows(index)
        if entry.noun is not None or ' ' not in word.text:
            follows = self._object_follows(index) or self._clause_ends(index)
            return follows and entry.noun is None and self._subject_before()
        return True

    def _subject_before(self) -> bool:
        step = self.clause.step
        if self.clause.last is None:
            return False
        if step.verb is None or step.effects & {'cause', 'act'}:
            return True
        return bool(step.effects & CAUSATIVE) and 'being' in self.clause.last.properties

    def _ends_told(self, index: int) -> bool:
        """Return whether a word that can be noun and verb ends a fact: 'the crate leaks, …'."""
        last = self.clause.last
        named = last is not None and last.known and self.words[index - 1].text == last.words
        return named and self._clause_ends(index)

    def _named_before(self, index: int, mention: Mention) -> bool:
        """Return whether `mention` stands right before a verb, 'to' apart."""
        place = index - 1
        if self.words[place].entry.little == 'to' and 'being' in mention.properties:
            place -= 1
        return place >= 0 and self.words[place].text == mention.words

    def _read_verb(self, index: int) -> int:
        word = self.words[index]
        sense, end_index = self._split_verb(index)
        clause = self.clause
        tools: list[Mention] = []
        if clause.step.verb is not None or clause.step.mode == 'state':
            mode = self._mode_after(word)
            if 'use' in clause.step.effects and self.words[index - 1].entry.little == 'to':
                tools = clause.step.roles.get('object', [])
            caused = clause.last if clause.step.effects & CAUSATIVE else None
            doer = caused if caused and self._named_before(index, caused) else None
            self._close(mode)
            if doer is not None:
                self.clause.step.roles['subject'] = [doer]
        elif clause.step.roles:
            clause.before_verb = clause.step.mentions()
            if (clause.passive or clause.copula) and self.words[index - 1].text not in HAS:
                clause.step.roles = {'object': clause.before_verb}
            else:
                clause.step.roles = {'subject': clause.before_verb}
            clause.progressive = clause.copula and bool(clause.before_verb)
            if clause.progressive and word.entry.form == 'ing':
                clause.step.roles = {'subject': clause.before_verb}
            clause.copula = False
        clause = self.clause
        clause.step.verb = sense
        if clause.progressive and word.entry.form == 'ing' and not self.sentence_start:
            clause.step.mode = 'state'
        if clause.step.mode == 'do' and self._tells(index):
            clause.step.mode = 'state'
        if tools:
            clause.step.roles['instrument'] = list(tools)
        clause.step.negated = self.negation
        if 'cease' in sense.effects and self._ing_follows(end_index):
            self.negation = True
        clause.slot, clause.relation, clause.of = 'object', '', False
        clause.determined = False
        clause.states = set()
        self._extend(word)
        if end_index != index:
            self._extend(self.words[end_index])
        self.joined = self.sentence_start = False
        return index + 1

    def _tells(self, index: int) -> bool:
        """Return whether the verb at `index` reports what somebody did: 'I dropped a lens'."""
        word = self.words[index]
        before = self.words[index - 1] if index else None
        if word.entry.form == 'past' and before is not None:
            return before.entry.little == 'subject' or before.text in TOLD_BY
        if word.entry.form == 'base' and before is not None:
            return before.text in ('he', 'she')  # hit, cut, put, burst: not 'hits'
        return word.entry.form == 's'

    def _split_verb(self, index: int) -> tuple[VerbSense, int]:
        """Return the sense at `index`, that of 'turn … on' where the rest stands apart."""
        word = self.words[index]
        sense = word.entry.verb
        assert sense is not None
        for rest, split in self.knowledge.lexicon.split.get(word.text, ()):
            for place in range(index + 2, min(index + 8, len(self.words))):
                other = self.words[place]
                last = self._phrase_end(place, rest)
                if last and self._closes_phrase(last - 1):
                    for word in self.words[place:last]:
                        word.entry = type(word.entry)(little='particle')
                    return split, last - 1
                if other.entry.little in ('conj', 'subordinate') or other.text in '.,;!?':
                    break
        return sense, index

    def _mode_after(self, word: Word) -> str:
        mode = self.clause.step.mode
        if mode == 'state':
            return 'do'
        effects = self.clause.step.effects
        if 'tell' in effects and mode == 'do':
            return 'tell'
        if 'warn' in effects and mode == 'do':
            return 'warn'
        return mode
