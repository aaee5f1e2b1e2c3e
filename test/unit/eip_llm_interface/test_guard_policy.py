"""The policy joins the channels; the model can only tighten."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_llm_interface.engine.nano_format import CATEGORIES
from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.model_judge import ModelOpinion
from eip_llm_interface.guard.policy import MODEL_ALONE, SAME_CATEGORY, Policy, PolicyError
from eip_llm_interface.guard.verdict import Decision, Violation
from eip_llm_interface.knowledge.ontology import Knowledge


def violation(severity=0.9, score=0.9, category='fire', channel='rules', rule='hazard.x'):
    return Violation(rule, category, severity, score, 'words', 'why', channel=channel)


def test_shipped_policy_loads():
    assert Policy.load().input_decisions['nul'] is Decision.REJECT


def test_nothing_found_is_allowed_with_the_prior():
    verdict = Policy(prior_harm=0.1).join([])
    assert verdict.decision is Decision.ALLOW
    assert verdict.safety_score == pytest.approx(0.9)


@pytest.mark.parametrize(
    ('severity', 'score', 'decision'),
    [
        (0.9, 0.9, Decision.REJECT),
        (0.9, 0.5, Decision.CONFIRM),
        (0.3, 0.9, Decision.CONFIRM),
        (0.9, 0.1, Decision.ALLOW),
        (0.1, 0.9, Decision.ALLOW),
    ],
)
def test_severity_and_score_decide_together(severity, score, decision):
    assert Policy().join([violation(severity, score)]).decision is decision


def test_category_override_decides():
    policy = Policy.of({'category_decisions': {'fire': 'confirm'}})
    assert policy.join([violation(1.0, 1.0)]).decision is Decision.CONFIRM


@pytest.mark.parametrize(
    ('decisions', 'categories', 'expected'),
    [
        ({'privacy': 'confirm'}, [('privacy', 0.9)], Decision.CONFIRM),
        ({'privacy': 'allow'}, [('privacy', 0.9)], Decision.ALLOW),
        ({'violence': 'confirm'}, [('harm_person', 0.9)], Decision.CONFIRM),
        ({'privacy': 'confirm'}, [('privacy', 0.5), ('fire', 0.4)], Decision.REJECT),
        ({'privacy': 'allow'}, [('fire', 0.25), ('privacy', 0.2)], Decision.REJECT),
        ({'fire': 'confirm'}, [('fire', 0.7), ('weapon', 0.2)], Decision.REJECT),
        ({'theft': 'confirm'}, [('privacy', 0.9)], Decision.REJECT),
    ],
)
def test_category_override_decides_what_the_model_finds(decisions, categories, expected):
    policy = Policy.of({'category_decisions': decisions})
    assert policy.join([], ModelOpinion(0.9, tuple(categories))).decision is expected


def test_category_override_may_reject_what_the_model_would_only_ask_about():
    policy = Policy.of({'category_decisions': {'privacy': 'reject'}})
    opinion = ModelOpinion(0.6, (('privacy', 0.9),))
    assert Policy().join([], opinion).decision is Decision.CONFIRM
    assert policy.join([], opinion).decision is Decision.REJECT
    assert policy.join([], ModelOpinion(0.3, opinion.categories)).decision is Decision.ALLOW


def test_category_override_by_the_models_name_serves_the_rules():
    policy = Policy.of({'category_decisions': {'harm_person': 'confirm'}})
    assert policy.join([violation(category='violence')]).decision is Decision.CONFIRM


def test_every_name_of_the_model_that_the_rules_say_otherwise_is_known():
    assert set(SAME_CATEGORY.values()) <= set(CATEGORIES)
    assert not set(SAME_CATEGORY) & set(CATEGORIES)
    rules = set(Knowledge.load().categories)
    assert set(SAME_CATEGORY) <= rules
    assert set(CATEGORIES) - rules - set(SAME_CATEGORY.values()) == set(MODEL_ALONE)


def test_a_considerable_share_of_what_somebody_means_to_do_is_named():
    shares = (('fire', 0.6), ('cut', 0.2), ('weapon', 0.2))
    names = [v.category for v in Policy().join([], ModelOpinion(0.9, shares)).violations]
    assert sorted(names) == ['fire', 'weapon']
    unsure = Policy().join([], ModelOpinion(0.9, (('cut', 0.2), ('weapon', 0.2))))
    assert sorted(v.category for v in unsure.violations) == ['harm', 'weapon']


def test_unlisted_input_finding_asks_a_person():
    found = violation(channel='input', rule='input.new_oddity')
    assert Policy().join([found]).decision is Decision.CONFIRM


def test_model_alone_blocks_and_is_named():
    verdict = Policy().join([], ModelOpinion(0.95, (('fire', 0.7),)), model='nano')
    assert verdict.decision is Decision.REJECT
    assert verdict.violations[0].rule == 'model.fire'
    assert verdict.safety_score == pytest.approx(0.05)


def test_rules_alone_block_whatever_the_model_says():
    assert Policy().join([violation()], ModelOpinion(0.0)).decision is Decision.REJECT


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    st.floats(0, 1),
)
def test_model_only_tightens(pairs, p_harm):
    found = [violation(severity, score) for severity, score in pairs]
    alone = Policy().join(found)
    joined = Policy().join(found, ModelOpinion(p_harm))
    assert joined.decision <= alone.decision


@pytest.mark.parametrize('p_harm', [math.nan, -0.1, 1.1, math.inf])
def test_broken_opinion_is_refused(p_harm):
    with pytest.raises(ValueError, match='p_harm'):
        ModelOpinion(p_harm)


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        ({'reject_score': 1.5}, 'reject_score is 1.5'),
        ({'reject_score': 'high'}, "reject_score is 'high'"),
        ({'reject_score': True}, 'reject_score is True'),
        ({'rejectscore': 0.5}, 'rejectscore is unknown'),
        ({'model_confirm': 0.9, 'model_reject': 0.5}, 'model_confirm is 0.9'),
        ({'confirm_severity': 0.9}, 'confirm_severity is 0.9'),
        ({'category_decisions': {'fire': 'maybe'}}, "fire is 'maybe'"),
        ({'category_decisions': []}, None),
        ({'input_decisions': 'reject'}, "input_decisions is 'reject'"),
        ({'input_decisions': {'prompt_injecton': 'reject'}}, 'did you mean prompt_injection'),
        ({'category_decisions': {'fire': ['reject']}}, r"fire is \['reject'\]"),
        ({'category_decisions': {'fault': 'allow'}}, 'always rejected'),
        (['reject'], 'give a mapping'),
    ],
)
def test_wrong_policy_is_named(data, words):
    if words is None:
        assert Policy.of(data).category_decisions == {}
        return
    with pytest.raises(PolicyError, match=words):
        Policy.of(data)


def test_what_a_file_leaves_out_is_as_in_the_shipped_policy(tmp_path):
    path = tmp_path / 'p.yaml'
    path.write_text('model_reject: 0.9\ninput_decisions: {leetspeak: reject}')
    shipped, mine = Policy.load(), Policy.load(path)
    assert mine.model_reject == 0.9 and mine.model_confirm == shipped.model_confirm
    assert mine.input_decisions['leetspeak'] is Decision.REJECT
    assert mine.input_decisions['prompt_injection'] is Decision.REJECT
    path.write_text('')
    assert Policy.load(path) == shipped


@pytest.mark.parametrize('text', ['category_decisions: {fyre: reject}', 'scene_relaxes: [fyre]'])
def test_a_category_that_nobody_knows_is_named(tmp_path, text):
    path = tmp_path / 'p.yaml'
    path.write_text(text)
    with pytest.raises(PolicyError, match='did you mean fire'):
        Guard(Knowledge.load(), Policy.load(path))


def test_error_names_the_file(tmp_path):
    path = tmp_path / 'p.yaml'
    path.write_text('reject_score: [')
    with pytest.raises(PolicyError, match=r'p\.yaml.*not YAML'):
        Policy.load(path)
    with pytest.raises(PolicyError, match='cannot be read'):
        Policy.load(tmp_path / 'none.yaml')


@pytest.mark.parametrize(
    ('category', 'within', 'expected'),
    [('fire', 0.1, 0.1), ('weapon', 0.1, 0.9), ('weapon', 0.95, 0.95), ('fire', 0.95, 0.95)],
)
def test_a_scene_calms_only_what_the_policy_names(category, within, expected):
    policy = Policy(scene_relaxes=('fire',))
    alone = ModelOpinion(0.9, ((category, 0.8), ('fire', 0.1)))
    assert policy.in_scene(ModelOpinion(within), alone).p_harm == expected


def test_a_scene_calms_nothing_when_the_model_names_no_category():
    assert Policy.load().in_scene(ModelOpinion(0.1), ModelOpinion(0.9)).p_harm == 0.9


def test_the_names_a_scene_may_relax_are_a_list():
    with pytest.raises(PolicyError, match='scene_relaxes'):
        Policy.of({'scene_relaxes': 'fire'})


def test_an_unsure_rule_supports_the_model_and_never_acts_alone():
    policy = Policy(support=2.0)
    unsure = violation(0.8, 0.35)
    assert policy.join([unsure]).decision is Decision.ALLOW
    assert policy.join([], ModelOpinion(0.3)).decision is Decision.ALLOW
    supported = policy.join([unsure], ModelOpinion(0.3))
    assert supported.decision is Decision.CONFIRM
    assert supported.safety_score == pytest.approx(1 - 0.760, abs=0.001)
    assert policy.join([unsure], ModelOpinion(1.0)).safety_score == 0.0


def test_a_likely_rule_acts_alone_without_a_model_and_adds_to_one_that_was_asked():
    policy = Policy(alone_score=0.7, likely_support=2.0, model_confirm=0.5, model_reject=0.9)
    likely, sure = violation(severity=0.7, score=0.65), violation(severity=0.7, score=0.7)
    assert policy.join([likely]).decision is Decision.REJECT
    assert policy.join([sure], ModelOpinion(0.001)).decision is Decision.REJECT
    assert policy.join([likely], ModelOpinion(0.05)).decision is Decision.ALLOW
    joined = policy.join([likely], ModelOpinion(0.3))
    assert joined.decision is Decision.CONFIRM
    assert {item.rule for item in joined.violations} == {likely.rule, 'model.harm'}


def test_a_likely_rule_of_a_category_that_a_user_decided_acts_as_decided():
    policy = Policy(alone_score=0.7, category_decisions={'fire': Decision.CONFIRM})
    likely = violation(severity=0.7, score=0.65, category='fire')
    assert policy.join([likely], ModelOpinion(0.001)).decision is Decision.CONFIRM
