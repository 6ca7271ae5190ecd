"""The tier of an AI use under the EU AI Act (Regulation (EU) 2024/1689, as amended by Regulation (EU) 2026/1744). Pure.

    classify(brief.compliance.ai_use, training_runs(brief.training, facts)) -> Classification

for every agent that speaks of it: `compliance` gives it as the facts `compliance.eu_ai_act.*`, `adoption` may build on the same answer.
Only the two yes-or-no fields of the brief decide. The purpose is free text: what its words hint at becomes a question for a person
(`Classification.hints`), never an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra_mind.model.brief import AiUse, Training
from infra_mind.model.fact import Fact, id_parts

SYSTEMIC_RISK_FLOPS = 1e25
"""Art. 51(2): presumed when the cumulative computation used for training, in FLOP, is *greater than* this."""
ACT = "Regulation (EU) 2024/1689 (AI Act)"
AMENDED = f"{ACT}, as amended by Regulation (EU) 2026/1744"


class Tier(StrEnum):
    """From the strictest to the mildest. `prohibited` is never reached by machine: Art. 5 turns on circumstances no field holds."""

    PROHIBITED = "prohibited"
    HIGH_RISK = "high_risk"
    TRANSPARENCY = "transparency"
    MINIMAL = "minimal"


@dataclass(frozen=True)
class Run:
    """One training run: FLOP of it, None where the brief does not give enough; `fact` is the id of the fact it comes from, if any."""

    name: str
    flops: float | None
    fact: str | None
    path: str


@dataclass(frozen=True)
class Hint:
    """A word of the purpose that a person should look at: where the act speaks of such uses, and what has to be answered."""

    word: str
    article: str
    question: str
    could_be: Tier


@dataclass(frozen=True)
class Classification:
    """`tier` None: the fields in `missing` would decide. `systemic_risk_presumed` None: no run, or a run whose FLOP are not known.

    `article` and `reason` say what the tier rests on."""

    tier: Tier | None
    article: str
    reason: str
    missing: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    systemic_risk_presumed: bool | None = None
    largest_run: Run | None = None
    runs_without_flops: tuple[Run, ...] = ()


def classify(ai_use: AiUse | None, runs: Sequence[Run] = ()) -> Classification:
    """The tier that the brief's own answers give: high-risk (Annex III) → transparency (Art. 50) → minimal.

    `ai_use` is `brief.compliance.ai_use` (None: not given), `runs` what `training_runs` gives. Never raises."""
    tier, article, reason, missing = _tier(ai_use)
    known = [run for run in runs if run.flops is not None]
    largest = max(known, key=lambda run: run.flops or 0.0, default=None)
    return Classification(
        tier=tier,
        article=article,
        reason=reason,
        missing=missing,
        hints=hints(ai_use.purpose if ai_use else None),
        systemic_risk_presumed=_presumed(runs, largest),
        largest_run=largest,
        runs_without_flops=tuple(run for run in runs if run.flops is None),
    )


def training_runs(training: Sequence[Training], facts: Mapping[str, Fact]) -> tuple[Run, ...]:
    """Each run of the brief with its FLOP: from the fact `mlops.training.<name>.flops` where it is in `facts`, else 6 · parameters · tokens."""
    runs = []
    for number, (item, part) in enumerate(zip(training, id_parts(t.name for t in training), strict=True)):
        fact = facts.get(f"mlops.training.{part}.flops")
        flops: float | None = None
        if fact is not None and not isinstance(fact.value, str | bool):
            flops = float(fact.value)
        elif item.tokens is not None:
            flops = 6 * item.parameters * item.tokens
        runs.append(Run(item.name, flops, fact.id if fact else None, f"training.{number}.tokens"))
    return tuple(runs)


def _presumed(runs: Sequence[Run], largest: Run | None) -> bool | None:
    if largest is not None and (largest.flops or 0.0) > SYSTEMIC_RISK_FLOPS:
        return True
    return None if not runs or any(run.flops is None for run in runs) else False


def _tier(use: AiUse | None) -> tuple[Tier | None, str, str, tuple[str, ...]]:
    if use is None:
        return None, "Art. 6, Art. 50", "the brief says nothing of the AI use", ("compliance.ai_use",)
    if use.annex_iii is None:
        return None, "Art. 6(2)", "whether the use stands in Annex III decides first", ("compliance.ai_use.annex_iii",)  # fmt: skip
    if use.annex_iii:
        return Tier.HIGH_RISK, "Art. 6(2), Annex III", "the brief says that the use stands in Annex III", ()
    if use.interacts_with_people is None:
        return None, "Art. 50(1)", "not in Annex III; whether people talk to it decides next", ("compliance.ai_use.interacts_with_people",)  # fmt: skip
    if use.interacts_with_people:
        return Tier.TRANSPARENCY, "Art. 50(1)", "not in Annex III, and the system interacts with people", ()
    return Tier.MINIMAL, "Art. 4", "not in Annex III, and the system does not interact with people", ()


def hints(purpose: str | None) -> tuple[Hint, ...]:
    """What words of the purpose hint at, in the order of the articles; each hint once, with the first word that led to it."""
    words = re.findall(r"[a-z]+", (purpose or "").lower())
    text = f" {' '.join(words)} "
    found = []
    for starts, article, question, could_be in _HINTS:
        word = next((start for start in starts if f" {start}" in text), None)
        if word is not None:
            found.append(Hint(word, article, question, could_be))
    return tuple(found)


# Beginnings of words, lower case. A hint asks; it never decides.
_HINTS: tuple[tuple[tuple[str, ...], str, str, Tier], ...] = (
    (("subliminal", "manipulat", "decepti", "nudge"), "Art. 5(1)(a) and (b)",
     "Does it distort people's behaviour by manipulation, deception or by exploiting a weakness of theirs?", Tier.PROHIBITED),
    (("nudif", "undress", "intimate"), "Art. 5(1)(ba) and (bb)",
     "Could it make intimate images of people without their consent, or abuse material?", Tier.PROHIBITED),
    (("social scor", "trustworthiness"), "Art. 5(1)(c)",
     "Does it score people by their behaviour or traits, to their detriment elsewhere?", Tier.PROHIBITED),
    (("predictive polic", "crime predict", "recidivis"), "Art. 5(1)(d), Annex III(6)",
     "Does it predict that a person will commit an offence from profiling alone?", Tier.PROHIBITED),
    (("facial", "face ", "scrap"), "Art. 5(1)(e)",
     "Are faces collected untargeted from the internet or from cameras for recognition?", Tier.PROHIBITED),
    (("emotion", "sentiment of employ", "mood"), "Art. 5(1)(f), Annex III(1)(c), Art. 50(3)",
     "Does it infer emotions, and is that at work or in education?", Tier.PROHIBITED),
    (("biometric", "face recogn", "facial recogn", "fingerprint", "voiceprint", "iris "), "Art. 5(1)(g) and (h), Annex III(1)",
     "Does it identify or sort people by biometric data?", Tier.PROHIBITED),
    (("diagnos", "clinical", "patient", "medical", "therap", "radiolog", "triage"), "Art. 6(1), Annex I(A)(11) and (12)",
     "Is it a medical device or a part of one under Regulation (EU) 2017/745 or 2017/746 that a notified body assesses?", Tier.HIGH_RISK),
    (("vehicle", "driving", "aircraft", "aviation", "drone", "lift ", "elevator", "toy"), "Art. 6(1), Annex I",
     "Is it a safety component of a product under the Union's harmonisation law?", Tier.HIGH_RISK),
    (("grid", "power plant", "water supply", "gas supply", "road traffic", "critical infrastr"), "Annex III(2)",
     "Is it a safety component in running critical infrastructure?", Tier.HIGH_RISK),
    (("student", "exam", "admission", "grading", "school", "education", "proctor"), "Annex III(3)",
     "Does it decide on admission, grades, level or conduct in education?", Tier.HIGH_RISK),
    (("recruit", "hiring", "applicant", "candidate", "cv ", "resume ", "promotion of", "employee monitor", "worker"), "Annex III(4)",
     "Does it select, evaluate, promote, dismiss or watch people at work?", Tier.HIGH_RISK),
    (("credit", "loan", "insur", "welfare", "benefit eligib", "public assist", "emergency call", "dispatch"), "Annex III(5)",
     "Does it decide on credit, life or health insurance, public benefits or emergency calls?", Tier.HIGH_RISK),
    (("police", "law enforc", "criminal", "evidence"), "Annex III(6)", "Is it used by or for law enforcement?", Tier.HIGH_RISK),
    (("asylum", "migra", "visa", "border"), "Annex III(7)", "Is it used in migration, asylum or border control?", Tier.HIGH_RISK),
    (("court", "judge", "judicial", "legal ruling", "election", "voter"), "Annex III(8)",
     "Does it help courts to decide, or influence an election?", Tier.HIGH_RISK),
    (("chatbot", "assistant for customers", "virtual agent", "voice agent", "phone agent"), "Art. 50(1)",
     "Do people talk to it, and are they told that it is an AI system?", Tier.TRANSPARENCY),
    (("deepfake", "deep fake", "image generat", "generate image", "video generat", "synthetic", "text to speech", "voice clon"),
     "Art. 50(2) and (4)", "Is what it makes marked in a machine-readable way, and are deep fakes disclosed?", Tier.TRANSPARENCY),
)  # fmt: skip
