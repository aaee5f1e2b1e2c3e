"""Parse a command into steps: verb, roles, relation, manner, condition and order."""

from __future__ import annotations

from eip_llm_interface.guard.quantities import quantity
from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.words import Word, cut
from eip_llm_interface.knowledge.lexicon import VerbSense
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['Parser']

CARRIED = frozenset({'allergen', 'pet_poison', 'toxic', 'chemical', 'raw_meat', 'alcohol', 'drug'})
MADE_OF = frozenset(
    {'metal', 'meltable', 'plastic', 'wood', 'paper', 'fabric', 'flammable', 'absorbent'}
)
MOTION = frozenset({'go', 'fly', 'follow', 'climb', 'wait', 'shoot'})
CAUSATIVE = frozenset({'act', 'carry', 'help', 'tell', 'look', 'cause', 'persuade', 'work'})
PHRASE_START = frozenset({'det', 'possessive', 'pron', 'number'})
ROLE_OF = {
    'in': 'target',
    'on': 'target',
    'over': 'target',
    'to': 'target',
    'near': 'target',
    'under': 'target',
    'against': 'target',
    'between': 'target',
    'behind': 'target',
    'with': 'instrument',
    'from': 'source',
    'for': 'beneficiary',
    'as': 'other',
    'about': 'other',
}


class _Clause:
    """The clause being read: its step, the role that nouns go to now, pending marks."""

    def __init__(self, mode: str, start: int) -> None:
        self.step = Step(mode=mode, start=start, end=start)
        self.slot = 'object'
        self.relation = ''
        self.states: set[str] = set()
        self.copula = False
        self.of = False
        self.determined = False
        self.last: Mention | None = None
        self.passive = False
        self.progressive = False
        self.before_verb: list[Mention] = []

    @property
    def empty(self) -> bool:
        """Return whether nothing was read yet."""
        step = self.step
        return step.verb is None and not step.roles and not self.states and not step.manners


class Parser:
    """Reads sentences with one knowledge; keeps no state between calls."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def parse(self, text: str) -> list[Step]:
        """Return the steps of `text` in the order in which they happen."""
        return _Reading(self._knowledge, cut(text, self._knowledge)).steps()


class _Reading:
    """One reading of one text."""

    def __init__(self, knowledge: Knowledge, words: list[Word]) -> None:
        self.knowledge = knowledge
        self.words = words
        self.done: list[Step] = []
        self.clause = _Clause('do', 0)
        self.negation = False
        self.joined = False
        self.fronted = False
        self.at_comma = False
        self.sentence_start = True
        self.order = 0.0
        self.next_order = 0.0
        self.aliases: dict[str, Mention] = {}
        self.owner = False
        self.before = ''
        self.suspended: _Clause | None = None

    def steps(self) -> list[Step]:
        """Return all steps, told facts and earlier steps first where words say so."""
        index = 0
        while index < len(self.words):
            index = self._read(index)
        self._close('do')
        self.done.sort(key=lambda step: step.order)
        return self.done

    def _read(self, index: int) -> int:
        word = self.words[index]
        entry = word.entry
        self.before = self.words[index - 1].text if index else ''
        if word.text in '.;!?\n':
            if not (word.text == '.' and self._number_follows(index)):
                self._close('do')
                self.negation, self.sentence_start, self.fronted = False, True, False
            return index + 1
        if word.text == '§':
            self.owner = True
            return index + 1
        if word.text in ',:()"':
            self._comma(index)
            return index + 1
        if word.number is not None:
            return self._read_number(index)
        if self._is_verb(index):
            return self._read_verb(index)
        if entry.little and self._read_little(index):
            self.sentence_start &= entry.little in ('polite', 'adverb', 'to', 'modal', 'subject')
            return index + 1
        self.sentence_start = False
        if entry.manners:
            self.clause.step.manners |= entry.manners
            self._extend(word)
            if entry.noun is None:
                return index + 1
        if entry.noun is not None:
            self._noun(word, index)
        elif entry.states:
            self._state(entry.states, index)
            self._extend(word)
        elif entry.verb is not None:
            self._participle(word, index)
        elif not entry.little:
            self._unknown(word)
        return index + 1

    # Verbs

    def _is_verb(self, index: int) -> bool:
        word = self.words[index]
        entry = word.entry
        if entry.verb is None or (entry.little == 'copula' and self._describes(index)):
            return False
        before = self.words[index - 1] if index else None
        little = before.entry.little if before is not None else ''
        at_start = self.sentence_start or self.clause.empty or self.joined or little == 'comma'
        if little == 'det' or self.clause.of or (little == 'possessive'):
            return False
        if entry.form == 'base' and self.clause.copula and little in ('copula', 'neg'):
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
            return entry.noun is None and self.clause.step.verb is None and not at_start
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

    def _describes(self, index: int) -> bool:
        """Return whether a state follows, so that 'gets' is 'becomes'."""
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1].entry
        return bool(after.states) or (after.verb is not None and after.form == 'past')

    def _noun_like(self, index: int) -> bool:
        """Return whether a word that can be both is followed as nouns are."""
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1]
        if after.entry.little in ('det', 'possessive', 'pron', 'number') or after.capital:
            return False
        if after.entry.noun is not None or after.entry.states:
            return False
        sense = self.words[index].entry.verb
        if sense is not None and sense.effects & MOTION:
            return after.entry.little == 'copula'
        return after.entry.little != 'particle'

    def _object_follows(self, index: int) -> bool:
        if index + 1 >= len(self.words):
            return False
        after = self.words[index + 1]
        return (
            after.entry.little in ('det', 'possessive', 'pron', 'prep', 'with', 'from', 'to')
            or after.entry.noun is not None
            or after.capital
        )

    def _subject_before(self) -> bool:
        step = self.clause.step
        if self.clause.last is None:
            return False
        if step.verb is None or step.effects & {'cause', 'act'}:
            return True
        return bool(step.effects & CAUSATIVE) and 'being' in self.clause.last.properties

    def _named_before(self, index: int, mention: Mention) -> bool:
        """Return whether `mention` stands right before a verb, 'to' apart."""
        place = index - 1
        if self.words[place].entry.little == 'to' and 'being' in mention.properties:
            place -= 1
        return place >= 0 and self.words[place].text == mention.words

    def _clause_ends(self, index: int) -> bool:
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1]
        return after.text in ',.;!?' or after.entry.little in ('conj', 'then', 'subordinate')

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
            if clause.passive or clause.copula:
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
                if other.entry.little == 'conj' or other.text in '.,;!?':
                    break
        return sense, index

    def _phrase_end(self, place: int, phrase: str) -> int:
        """Return the index after `phrase` when the words at `place` spell it, else 0."""
        spelled = ''
        for index in range(place, min(place + 5, len(self.words))):
            spelled = f'{spelled} {self.words[index].text}'.strip()
            if spelled == phrase:
                return index + 1
            if not phrase.startswith(spelled):
                return 0
        return 0

    def _closes_phrase(self, place: int) -> bool:
        if place + 1 >= len(self.words):
            return True
        after = self.words[place + 1]
        return (
            after.text in '.,;:!?"'
            or after.entry.little
            in (
                'conj',
                'then',
                'prep',
                'with',
                'subordinate',
                'polite',
                'from',
                'to',
                'adverb',
            )
            or bool(after.entry.manners)
        )

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

    # Little words

    def _read_little(self, index: int) -> bool:
        word = self.words[index]
        kind, value = word.entry.little, word.entry.value
        clause = self.clause
        if kind == 'neg' and clause.empty and self.sentence_start and word.text[:3] == 'to ':
            clause.step.mode, self.fronted, self.negation = 'purpose', True, True
        elif kind == 'then':
            self._close('do' if clause.step.mode in ('do', 'state') else clause.step.mode)
            self.negation = False
        elif kind == 'conj':
            self.joined = True
            if value == 'along' and clause.step.verb is not None:
                clause.slot, clause.relation = 'object', ''
            if value == 'but':
                self.negation = False
        elif kind == 'subordinate':
            self._subordinate(value)
        elif kind == 'neg':
            self._negate(value, index)
        elif (
            kind in ('prep', 'from')
            and word.text in ('on', 'off')
            and clause.last is not None
            and not self._phrase_follows(index)
        ):
            marks = frozenset({word.text})
            clause.last.properties |= marks
            clause.step.states |= marks
        elif kind in ('prep', 'with', 'from', 'by'):
            clause.slot, clause.relation = ROLE_OF.get(value, 'other'), value
            clause.determined = clause.of = False
            if kind == 'by' and index + 1 < len(self.words):
                clause.slot = 'instrument'
        elif kind == 'to' and clause.empty and self.sentence_start:
            clause.step.mode = 'purpose'
            self.fronted = True
        elif kind == 'to':
            clause.slot, clause.relation = 'target', 'to'
        elif kind == 'of':
            before = self.words[index - 1].text if index else ''
            if before in ('full', 'filled', 'made') and clause.last is not None:
                clause.slot = 'told'
            clause.of = clause.last is not None and clause.last.words == before
        elif value == 'person2' and not self._phrase_follows(index):
            self._pronoun(word, 'person')
        elif word.text in ('both', 'all', 'these', 'those', 'that', 'this') and not (
            self._phrase_follows(index)
        ):
            self._pronoun(word, 'thing')
        elif kind == 'det' or kind == 'possessive':
            clause.determined = True
            if kind == 'possessive' and value in ('person', 'person2'):
                clause.step.manners.add('others')
                clause.states |= {'owner_other'}
        elif kind == 'copula':
            clause.copula = True
            clause.passive = True
            if value == 'has' and clause.step.verb is None:
                clause.slot = 'told'
        elif kind == 'pron':
            self._pronoun(word, value)
        elif kind == 'question':
            self._question(value)
        elif kind in ('polite', 'adverb', 'modal', 'subject', 'particle', 'let', 'catenative'):
            pass
        else:
            return False
        return True

    def _phrase_follows(self, index: int) -> bool:
        """Return whether a noun phrase starts after `index`."""
        if index + 1 >= len(self.words):
            return False
        after = self.words[index + 1]
        entry = after.entry
        return (
            entry.little in PHRASE_START
            or entry.noun is not None
            or bool(entry.states)
            or after.capital
            or after.number is not None
            or (
                entry is not None
                and not entry.little
                and after.text.isalpha()
                and entry.verb is None
            )
            or (entry.verb is not None and entry.form in ('past', 'ing'))
        )

    def _subordinate(self, value: str) -> None:
        fronted = self.clause.empty and not self.joined
        before = self.clause.step.order if not fronted else self.order
        mode = {'purpose': 'purpose', 'cause': 'purpose'}.get(value, 'condition')
        if value in ('before', 'after', 'while', 'until') and not fronted:
            mode = 'do'
        if value == 'if' and not fronted and self.clause.step.verb is None:
            mode = 'do'
        interrupted = self.clause
        self._close(mode)
        self.suspended = None if fronted else interrupted
        self.fronted = fronted
        self.negation = False
        if value == 'after' and not fronted:
            self.clause.step.order = before - 0.5
        elif value == 'while' and not fronted:
            self.clause.step.order = before - 0.25
            self.clause.step.aside = True
        if value == 'without':
            self.negation = True

    def _negate(self, value: str, index: int) -> None:
        clause = self.clause
        if value == 'without':
            if index + 1 < len(self.words) and self._next_is_ing(index + 1):
                self._close(clause.step.mode)
                self.negation = True
                return
            clause.slot, clause.relation = 'lacking', 'without'
            clause.determined = False
            return
        if value == 'instead':
            if index + 1 < len(self.words) and self._next_is_ing(index + 1):
                self._close('do')
                self.negation = True
                return
            clause.slot, clause.relation = 'replaced', 'instead'
            return
        self.negation = True

    def _ing_follows(self, index: int) -> bool:
        return index + 1 < len(self.words) and self._next_is_ing(index + 1)

    def _next_is_ing(self, index: int) -> bool:
        entry = self.words[index].entry
        return entry.verb is not None and entry.form == 'ing'

    def _question(self, value: str) -> None:
        if value == 'how_to':
            self._close('tell')
            return
        if self.clause.empty:
            self.clause.step.mode = 'question'
        else:
            self._close('question')

    # Nouns

    def _noun(self, word: Word, index: int) -> None:
        noun = word.entry.noun
        assert noun is not None
        states = frozenset(self.clause.states)
        mention = Mention(noun.name, word.text, noun.properties | states, states=states)
        if noun.name in self.aliases:
            mention = self.aliases[noun.name]
        self._place(mention, word, self._adjacent(index))

    def _unknown(self, word: Word) -> None:
        if word.text in self.aliases:
            self._place(self.aliases[word.text], word, False)
            return
        marks = frozenset({'person', 'being', 'named'}) if word.capital else frozenset()
        if word.capital and self.clause.determined:
            marks = frozenset()
        mention = Mention(word.text, word.text, marks | frozenset(self.clause.states), known=False)
        last = self.clause.last
        made = last is not None and last.words == self.before and 'material' in last.properties
        self._place(mention, word, made)

    def _adjacent(self, index: int) -> bool:
        """Return whether the word before is a noun that this one heads ('coffee mug')."""
        if index == 0 or self.clause.last is None:
            return False
        before = self.words[index - 1]
        if 'being' in self.clause.last.properties and self.words[index].text == 'home':
            return False
        return before.entry.noun is not None and before.text == self.clause.last.words

    def _place(self, mention: Mention, word: Word, compound: bool) -> None:
        clause = self.clause
        self._extend(word)
        clause.states = set()
        clause.determined = False
        if {'limb', 'owner_other'} <= mention.properties:
            mention.properties |= frozenset({'body'})
        if 'group' in mention.properties and 'being' not in mention.properties:
            mention.properties -= {'group'}
        last = clause.last
        group = clause.step.roles.setdefault(clause.slot, [])
        if clause.of and last is not None:
            clause.of = False
            if 'part' in last.properties:
                mention.properties |= last.properties - {'part'} - {'object'}
                if last in group:
                    group[group.index(last)] = mention
                clause.last = mention
                return
            last.contents.append(mention)
            return
        owner, self.owner = self.owner, False
        if (compound or owner) and last is not None and group and group[-1] is last:
            self._join(last, mention, owner)
            group[-1] = mention
            relation = clause.step.relations.pop(last.name, None)
            if relation is not None:
                clause.step.relations[mention.name] = relation
        else:
            if self.joined and group:
                self.joined = False
            group.append(mention)
            if clause.relation:
                clause.step.relations[mention.name] = clause.relation
                if clause.slot == 'target':
                    clause.step.relation = clause.relation
        if clause.slot == 'instrument' and clause.relation == 'with' and last is not None:
            last_is_holder = 'container' in last.properties or 'cookware' in last.properties
            if last_is_holder and 'object' in clause.step.roles:
                last.contents.append(mention)
        self.joined = False
        clause.last = mention

    def _join(self, first: Mention, head: Mention, owner: bool) -> None:
        """Give the head noun what the noun before it tells: 'peanut cake', 'the baby's bed'."""
        head.properties |= first.states
        if 'being' in first.properties:
            head.properties |= frozenset({'owned'})
            if 'limb' in head.properties:
                head.properties |= frozenset({'body'})
            self.clause.step.roles.setdefault('owner', []).append(first)
        elif owner:
            return
        elif 'material' in first.properties:
            head.properties |= first.properties & MADE_OF
        elif 'container' in head.properties or 'storage' in head.properties:
            head.contents.append(first)
        elif 'food' in head.properties:
            head.properties |= first.properties & CARRIED
        elif 'group' in first.properties:
            head.properties |= frozenset({'group'})

    def _pronoun(self, word: Word, value: str) -> None:
        roles = self.clause.step.roles
        if self.clause.relation == 'in' and roles.get('instrument') and roles.get('object'):
            roles['object'][-1].contents.extend(roles['instrument'])
            return
        if value == 'person':
            marks = frozenset({'person', 'being', 'pronoun_person'})
            mention = Mention('person', word.text, marks, pronoun=True)
        elif value == 'user':
            mention = Mention('user', word.text, frozenset({'person', 'being', 'user'}))
        else:
            mention = Mention('', word.text, frozenset(), pronoun=True)
        self._place(mention, word, False)

    def _state(self, states: frozenset[str], index: int) -> None:
        clause = self.clause
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        postposed = after is None or (
            after.entry.noun is None
            and not after.entry.states
            and not after.capital
            and after.entry.little not in ('det',)
            and not (after.entry.verb is not None and after.entry.form in ('past', 'ing'))
            and bool(after.entry.little or after.text in '.,;!?' or after.entry.verb)
        )
        if postposed and clause.last is not None and not clause.determined:
            clause.last.properties |= states
            clause.step.states |= states
        else:
            clause.states |= states

    def _participle(self, word: Word, index: int) -> None:
        """A verb form that is no verb here: 'the heated mug', 'the burning stove'."""
        sense = word.entry.verb
        assert sense is not None
        if sense.leaves:
            self._state(sense.leaves, index)
        self._extend(word)

    # Numbers and clause ends

    def _number_follows(self, index: int) -> bool:
        return index + 1 < len(self.words) and self.words[index + 1].number is not None

    def _read_number(self, index: int) -> int:
        word = self.words[index]
        found = quantity([item.text for item in self.words[index : index + 6]])
        if found is None:
            return index + 1
        name, value, used = found
        numbers = self.clause.step.numbers
        numbers[name] = max(value, numbers.get(name, value))
        self._extend(word)
        return index + used

    def _comma(self, index: int) -> None:
        if self.fronted:
            self.at_comma = True
            self._close('do')
            self.fronted = self.negation = self.at_comma = False
            self.sentence_start = True
            return
        if self.clause.step.mode == 'condition' and self.clause.step.verb is not None:
            self._close('do')
            self.negation = False
            self.sentence_start = True
            return
        if index + 1 < len(self.words):
            after = self.words[index + 1]
            if self.suspended is not None and after.entry.little in ('prep', 'to', 'with', 'from'):
                self._resume()
                return
            if after.entry.verb is not None and after.entry.form in ('base', 'ing'):
                self.joined = True

    def _resume(self) -> None:
        """Go on with the clause that a subordinate one between commas interrupted."""
        main = self.suspended
        assert main is not None
        self._close('do')
        self.done = [step for step in self.done if step is not main.step]
        self.clause, self.suspended = main, None

    def _extend(self, word: Word) -> None:
        step = self.clause.step
        if step.end == 0 or self.clause.empty:
            step.start = min(step.start, word.start) if step.end else word.start
        step.end = max(step.end, word.end)

    def _close(self, mode: str) -> None:
        clause = self.clause
        step = clause.step
        if self.fronted and step.mode == 'purpose' and mode == 'do' and not self.at_comma:
            step.mode = 'do'
        if not clause.empty:
            if step.verb is None and clause.copula:
                step.mode = 'state' if step.mode in ('do', 'condition') else step.mode
                step.order = min(step.order, self.order - 0.25)
            if clause.states and clause.last is not None:
                clause.last.properties |= frozenset(clause.states)
            if step.aside and self.done:
                self.done[-1].manners |= step.manners
                self.done[-1].numbers |= step.numbers
            self.done.append(step)
            self._bind_alias(step)
        self.order += 1.0
        self.clause = _Clause(mode, 0)
        self.clause.step.order = self.order
        self.joined = False

    def _bind_alias(self, step: Step) -> None:
        """Remember 'let X represent the crowd', 'call it X'."""
        if step.verb is None or 'alias' not in step.effects:
            return
        names = [m for m in step.mentions() if not m.known]
        meant = [m for m in step.roles.get('object', []) if m.known and not m.pronoun]
        if names and meant:
            for name in names:
                self.aliases[name.words] = meant[-1]
