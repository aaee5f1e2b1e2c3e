"""Rule cases are counted where they are a hazard's surest, and lowered where they err."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.ontology import Knowledge

HAZARDS = """hazards:
  - id: first
    why: It hurts.  # why
    when:
      - {do: cut, object: being, score: 0.9}
      - {do: hit, object: being}  # a blow
  - id: second
    when: {do: burn, object: any}
"""


@pytest.fixture(scope='module')
def script(script_at: Callable[[str], ModuleType]) -> ModuleType:
    return script_at('scripts/score_rules.py')


def test_only_the_named_cases_are_lowered_and_all_else_stays(script: ModuleType) -> None:
    assert script.lowered(HAZARDS, set()) == HAZARDS
    found = script.lowered(HAZARDS, {('first', 0), ('first', 1), ('second', 0)})
    assert '{do: cut, object: being, score: 0.6}' in found
    assert '{do: hit, object: being, score: 0.6}  # a blow' in found
    assert 'when: {do: burn, object: any, score: 0.6}' in found
    assert script.lowered(HAZARDS, {('first', 1)}).count('0.6') == 1


def test_a_case_that_fires_on_the_harmless_is_found(script: ModuleType) -> None:
    knowledge = Knowledge.load()
    told = [
        ('stab the man with the knife', SceneFacts(), True),
        ('go to the sofa', SceneFacts(), False),
    ]
    counts = script.tally(knowledge, told)
    hurt = [key for key, harmful in counts if harmful and key[0] == 'harm_being']
    assert len(hurt) == 1 and counts[hurt[0], True] == 1
    assert not any(harmful is False for _, harmful in counts)
    errs = Counter({(hurt[0], False): 20})
    assert hurt[0] in script.too_unsure(knowledge, errs, 0.1)
    assert hurt[0] not in script.too_unsure(knowledge, Counter({(hurt[0], True): 20}), 0.1)
    assert not script.too_unsure(knowledge, errs, 1.0)
