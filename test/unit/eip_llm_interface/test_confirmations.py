"""What waits for a person: once, not too long, not too many, never without a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_llm_interface.confirmations import ConfirmationError, ConfirmationStore


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(timeout_s: float = 10.0, capacity: int = 2) -> tuple[ConfirmationStore[str], Clock]:
    clock = Clock()
    return ConfirmationStore(timeout_s, capacity, clock), clock


def test_item_is_given_out_once():
    store, _ = make()
    assert store.put('a', 'plan')
    assert store.take('a', 'Ada', 'I cook') == 'plan'
    with pytest.raises(ConfirmationError, match='no command waits under request_id "a"'):
        store.take('a', 'Ada', 'I cook')


@pytest.mark.parametrize(('operator', 'reason'), [('', 'why'), (' \t', 'why'), ('Ada', '\n')])
def test_blank_operator_or_reason_is_refused_and_keeps_the_item(operator, reason):
    store, _ = make()
    store.put('a', 'plan')
    with pytest.raises(ConfirmationError, match='is empty'):
        store.take('a', operator, reason)
    assert store.take('a', 'Ada', 'why') == 'plan'


def test_unknown_request_is_refused_naming_what_waits():
    store, _ = make()
    store.put('a', 'plan')
    with pytest.raises(ConfirmationError, match='waiting: a'):
        store.take('b' * 1000, 'Ada', 'why')


def test_late_answer_is_refused_and_the_item_expires():
    store, clock = make(timeout_s=10.0)
    store.put('a', 'plan')
    clock.now += 10.0
    assert store.expire() == []
    clock.now += 0.1
    with pytest.raises(ConfirmationError, match='expired'):
        store.take('a', 'Ada', 'why')
    assert [waiting.item for waiting in store.expire()] == ['plan']
    assert len(store) == 0


def test_full_shelf_refuses_the_newcomer_and_keeps_the_others():
    store, _ = make(capacity=2)
    assert store.put('a', '1')
    assert store.put('b', '2')
    assert not store.put('c', '3')
    assert store.take('a', 'Ada', 'why') == '1'
    assert store.put('c', '3')


def test_item_cannot_replace_another_under_the_same_name():
    store, _ = make()
    assert store.put('a', 'harmless')
    assert not store.put('a', 'other')
    assert not store.put('', 'nameless')
    assert store.take('a', 'Ada', 'why') == 'harmless'


def test_clear_returns_what_it_dropped():
    store, _ = make()
    store.put('a', '1')
    assert [waiting.item for waiting in store.clear()] == ['1']
    assert len(store) == 0


@pytest.mark.parametrize(
    ('timeout_s', 'capacity', 'named'),
    [(0.0, 1, 'timeout_s'), (float('nan'), 1, 'timeout_s'), (1.0, 0, 'capacity')],
)
def test_unusable_setting_is_named(timeout_s, capacity, named):
    with pytest.raises(ValueError, match=named):
        ConfirmationStore(timeout_s, capacity)


@given(
    st.lists(
        st.tuples(st.sampled_from(['put', 'take', 'wait', 'expire']), st.sampled_from('abc')),
        max_size=40,
    )
)
def test_nothing_is_given_out_twice_late_or_unasked(actions):
    store, clock = make(timeout_s=3.0, capacity=2)
    shelved: dict[str, float] = {}
    for number, (action, name) in enumerate(actions):
        if action == 'put' and store.put(name, f'{name}{number}'):
            assert name not in shelved
            shelved[name] = clock.now
        elif action == 'wait':
            clock.now += 1.0
        elif action == 'expire':
            for waiting in store.expire():
                assert clock.now - shelved.pop(waiting.request_id) > 3.0
        elif action == 'take':
            try:
                store.take(name, 'Ada', 'why')
            except ConfirmationError:
                assert name not in shelved or clock.now - shelved[name] > 3.0
            else:
                assert clock.now - shelved.pop(name) <= 3.0
        assert len(store) == len(shelved) <= 2
