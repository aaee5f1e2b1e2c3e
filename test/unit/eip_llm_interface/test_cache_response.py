"""Remembered answers."""

from __future__ import annotations

import threading

import pytest

from eip_llm_interface.cache.response_cache import ResponseCache
from eip_llm_interface.guard.scene import PersonFacts, SceneFacts

EMPTY = SceneFacts()


def test_the_same_command_in_the_same_scene_is_remembered() -> None:
    cache: ResponseCache[str] = ResponseCache()
    cache.put('bring me the cup', EMPTY, 'yes')
    assert cache.get('bring me the cup', EMPTY) == 'yes'
    assert cache.get('bring me the knife', EMPTY) is None


@pytest.mark.parametrize(
    'scene',
    [
        SceneFacts(people=(PersonFacts('anna', 'person', 1.0),)),
        SceneFacts(held_object='knife'),
        SceneFacts(zone='stove'),
        SceneFacts(speed_mps=0.1),
        SceneFacts(description='the stove is on'),
        SceneFacts(facts={'stove': 'on'}),
    ],
)
def test_any_change_of_the_scene_is_a_miss(scene: SceneFacts) -> None:
    cache: ResponseCache[str] = ResponseCache()
    cache.put('go', EMPTY, 'yes')
    assert cache.get('go', scene) is None
    cache.put('go', scene, 'no')
    assert (cache.get('go', scene), cache.get('go', EMPTY)) == ('no', 'yes')


def test_a_disguised_command_is_not_the_plain_one() -> None:
    cache: ResponseCache[str] = ResponseCache()
    cache.put('go to the sink', EMPTY, 'yes')
    assert cache.get('go to the s\u200bink', EMPTY) is None


def test_the_order_of_facts_does_not_matter() -> None:
    cache: ResponseCache[str] = ResponseCache()
    cache.put('go', SceneFacts(facts={'a': '1', 'b': '2'}), 'yes')
    assert cache.get('go', SceneFacts(facts={'b': '2', 'a': '1'})) == 'yes'


def test_the_least_recently_used_goes_first() -> None:
    cache: ResponseCache[int] = ResponseCache(size=2)
    cache.put('a', EMPTY, 1)
    cache.put('b', EMPTY, 2)
    cache.get('a', EMPTY)
    cache.put('c', EMPTY, 3)
    assert [cache.get(name, EMPTY) for name in 'abc'] == [1, None, 3]
    assert (cache.clear(), len(cache)) == (2, 0)


def test_size_zero_remembers_nothing_and_a_negative_size_is_refused() -> None:
    cache: ResponseCache[int] = ResponseCache(size=0)
    cache.put('a', EMPTY, 1)
    assert cache.get('a', EMPTY) is None and len(cache) == 0
    with pytest.raises(ValueError, match='-1'):
        ResponseCache(size=-1)


def test_what_is_no_text_can_be_asked_for() -> None:
    cache: ResponseCache[int] = ResponseCache()
    assert cache.get(None, EMPTY) is None


def test_threads_do_not_lose_the_bound() -> None:
    cache: ResponseCache[int] = ResponseCache(size=16)

    def work(start: int) -> None:
        for index in range(200):
            cache.put(f'{start} {index}', EMPTY, index)
            cache.get(f'{start} {index // 2}', EMPTY)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 16
