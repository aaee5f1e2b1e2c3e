"""The token constraint against the planner's own grammar."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from eip_llm_interface.engine.constraint import GrammarChoices, GrammarCursor, TokenTrie
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest

PLANNER = Planner(
    SkillsManifest.of(
        {
            'skills': {
                'go_to': {'parameters': {'place': {'type': 'place'}}},
                'wait': {
                    'parameters': {'duration_s': {'type': 'number', 'minimum': 1, 'maximum': 60}}
                },
                'say': {'parameters': {'text': {'type': 'text', 'maximum_characters': 12}}},
            },
            'places': {'sink': {}, 'sofa': {}, 'stove': {}},
        }
    )
)
TEXTS = [None, 'go', 'go_to', '_to', '(', 'place', '=', 's', 'si', 'sink', 'so', 'fa', ')', '\n',
         ')\n', 'end', 'e', 'nd', 'wait', 'say', 'duration', '_s', '1', '6', '0', '.', '"', 'text',
         'hello', ' ', 'end\n', 'zebra', 'tove', '', None,
         *'abcdfghijklmnopqrtuvwxyz_2345789']  # fmt: skip


def cursor() -> GrammarCursor:
    return GrammarCursor(GrammarChoices(TokenTrie(TEXTS), PLANNER.grammar()))


def written(tokens: list[int]) -> str:
    return ''.join(TEXTS[token] or '' for token in tokens)


def test_choices_are_exactly_the_tokens_that_the_grammar_accepts() -> None:
    grammar = PLANNER.grammar()
    walk = cursor()
    state = grammar.start()
    for token in map(TEXTS.index, ['go', '_to', '(', 'place', '=', 'si']):
        accepted = {i for i, text in enumerate(TEXTS) if text and grammar.advance(state, text)}
        assert set(walk.choices()) == accepted
        walk.take(token)
        state = grammar.advance(state, TEXTS[token])


class Anything:
    """A grammar that takes every text; its state is what was read."""

    def start(self) -> str:
        return ''

    def advance(self, state: str, text: str) -> str:
        return state + text

    def is_final(self, state: str) -> bool:
        return True


@given(st.lists(st.none() | st.text(st.sampled_from('ab\x00é\U0010ffff'), max_size=4), max_size=20))
def test_a_walk_finds_every_token_of_any_vocabulary_once(texts: list[str | None]) -> None:
    found = TokenTrie(texts).allowed(Anything(), '')
    assert sorted(found) == [(token, text) for token, text in enumerate(texts) if text]


def test_special_and_empty_tokens_are_never_allowed() -> None:
    assert not set(cursor().choices()) & {0, TEXTS.index(''), TEXTS.index('') + 1}


def test_a_forbidden_token_is_refused() -> None:
    walk = cursor()
    try:
        walk.take(TEXTS.index('zebra'))
    except ValueError as error:
        assert 'grammar' in str(error)
    else:
        raise AssertionError('zebra was taken')


def test_forced_text_is_what_any_plan_must_go_on_with() -> None:
    walk = cursor()
    walk.take(TEXTS.index('go'))
    assert walk.forced_text() == '_to(place=s'
    walk = cursor()
    walk.take(TEXTS.index('e'))
    assert walk.forced_text() == 'nd\n'


def test_the_first_allowed_of_a_ranking_skips_forbidden_tokens() -> None:
    ranking = [TEXTS.index(text) for text in ('zebra', 'x', 'say', 'go')]
    assert cursor().first_allowed(ranking) == TEXTS.index('say')
    assert cursor().first_allowed(ranking[:2]) is None


def test_two_cursors_of_one_grammar_do_not_disturb_each_other() -> None:
    shared = GrammarChoices(TokenTrie(TEXTS), PLANNER.grammar())
    first, second = GrammarCursor(shared), GrammarCursor(shared)
    first.take(TEXTS.index('go'))
    assert TEXTS.index('say') in second.choices()
    assert TEXTS.index('say') not in first.choices()


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_whatever_is_chosen_is_the_beginning_of_a_plan_and_a_finished_text_is_one(random) -> None:  # type: ignore[no-untyped-def]
    walk = cursor()
    tokens: list[int] = []
    while not walk.ended() and len(tokens) < 300:
        token = random.choice(sorted(walk.choices()))
        walk.take(token)
        tokens.append(token)
    text = written(tokens)
    assert PLANNER.grammar().advance(PLANNER.grammar().start(), text) is not None
    if walk.ended():
        PLANNER.parse(text)
