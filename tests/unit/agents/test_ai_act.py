"""The tier under the EU AI Act: what the brief's two answers decide, what the words of the purpose only ask, and 10^25 FLOP."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.ai_act import SYSTEMIC_RISK_FLOPS, Run, Tier, classify, hints, training_runs
from infra_mind.model.brief import AiUse, Training
from infra_mind.model.fact import Fact

LLAMA_70B = Training(name="pre train", parameters=70e9, tokens=15e12)


@pytest.mark.parametrize(
    ("expected", "annex_iii", "interacts"),
    [
        (Tier.HIGH_RISK, True, True),
        (Tier.HIGH_RISK, True, None),
        (Tier.TRANSPARENCY, False, True),
        (Tier.MINIMAL, False, False),
        (None, None, True),
        (None, False, None),
    ],
)
def test_the_answers_of_the_brief_decide(
    expected: Tier | None, annex_iii: bool | None, interacts: bool | None
) -> None:
    assert classify(AiUse(annex_iii=annex_iii, interacts_with_people=interacts)).tier is expected


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("compliance.ai_use", None),
        ("compliance.ai_use.annex_iii", AiUse(interacts_with_people=True)),
        ("compliance.ai_use.interacts_with_people", AiUse(annex_iii=False)),
    ],
)
def test_what_is_missing_is_named(missing: str, use: AiUse | None) -> None:
    assert classify(use).missing == (missing,)


def test_fifteen_trillion_tokens_on_seventy_billion_parameters_are_not_presumed_to_carry_systemic_risk() -> (
    None
):
    """6 · 70e9 · 15e12 = 6.3e24 < 1e25, Art. 51(2)."""
    found = classify(None, training_runs([LLAMA_70B], {}))
    assert found.largest_run is not None
    assert found.largest_run.flops == pytest.approx(6.3e24)
    assert found.systemic_risk_presumed is False


def test_more_than_the_threshold_is_presumed_and_the_threshold_itself_is_not() -> None:
    at, above = SYSTEMIC_RISK_FLOPS, math.nextafter(SYSTEMIC_RISK_FLOPS, math.inf)
    assert classify(None, [Run("a", at, None, "")]).systemic_risk_presumed is False
    assert classify(None, [Run("a", above, None, "")]).systemic_risk_presumed is True


def test_a_run_without_tokens_leaves_it_open_unless_another_is_above() -> None:
    unknown = Run("b", None, None, "training.1.tokens")
    assert classify(None, [Run("a", 1e20, None, ""), unknown]).systemic_risk_presumed is None
    assert classify(None, [Run("a", 2e25, None, ""), unknown]).systemic_risk_presumed is True


def test_no_run_is_no_answer() -> None:
    assert classify(None, []).systemic_risk_presumed is None


def test_the_flops_that_mlops_reckoned_are_taken_and_named() -> None:
    fact = Fact(id="mlops.training.pre_train.flops", value=1.0, unit="FLOP", formula="given", source="test")
    (run,) = training_runs([LLAMA_70B], {fact.id: fact})
    assert (run.flops, run.fact) == (1.0, fact.id)


@pytest.mark.parametrize(
    ("article", "purpose"),
    [
        ("Art. 6(1), Annex I(A)(11) and (12)", "clinical decision support"),
        ("Annex III(4)", "Screening of job applicants"),
        ("Annex III(5)", "CREDIT scoring"),
        ("Art. 5(1)(c)", "social scoring of citizens"),
        ("Art. 50(1)", "a chatbot"),
        ("Annex III(4)", "reads every CV"),
    ],
)
def test_words_of_the_purpose_ask(article: str, purpose: str) -> None:
    assert article in {hint.article for hint in hints(purpose)}


def test_a_hint_is_of_the_beginning_of_a_word() -> None:
    assert hints("an accredited bowling alley, with toys") == hints("toys")


@settings(deadline=None)
@given(st.text(max_size=300), st.booleans(), st.booleans())
def test_the_purpose_never_decides(purpose: str, annex_iii: bool, interacts: bool) -> None:
    bare = classify(AiUse(annex_iii=annex_iii, interacts_with_people=interacts))
    told = classify(AiUse(purpose=purpose, annex_iii=annex_iii, interacts_with_people=interacts))
    assert (told.tier, told.article, told.reason) == (bare.tier, bare.article, bare.reason)


@settings(deadline=None)
@given(st.lists(st.floats(1, 1e30), min_size=1, max_size=5), st.floats(1, 1e30))
def test_another_run_never_takes_the_presumption_away(flops: list[float], more: float) -> None:
    runs = [Run(str(n), f, None, "") for n, f in enumerate(flops)]
    if classify(None, runs).systemic_risk_presumed:
        assert classify(None, [*runs, Run("more", more, None, "")]).systemic_risk_presumed
