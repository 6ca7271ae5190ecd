"""Measured kernel tables beside the closed form: the seam without the package, and the package itself where it is installed."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.mlops import AGENT, kernels
from infra_mind.agents.mlops.kernels import Answer, Question, Tables
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import FactValue
from infra_mind.model.result import AgentResult

ITEM: dict[str, Any] = {
    "name": "chat", "model": "meta-llama/Llama-3.3-70B-Instruct", "gpu": "h100_sxm", "weight_dtype": "fp8", "kv_dtype": "fp8",
    "requests_per_s": 10, "input_tokens": 1000, "output_tokens": 200, "tpot_s": 0.05,
}  # fmt: skip


class Book:
    """Tables that answer everything with the same numbers and keep what they were asked."""

    def __init__(self, *names: str, error: Exception | None = None) -> None:
        self.asked: list[Question] = []
        self._error = error
        self.tables = Tables(frozenset(names), frozenset({"h100_sxm", "h200_sxm"}), self._ask)

    def _ask(self, asked: Question) -> Answer:
        self.asked.append(asked)
        if self._error:
            raise self._error
        return Answer(ttft_s=0.25, tpot_s=0.02, tokens_per_s=2000.0, source="a table")


def assess(monkeypatch: pytest.MonkeyPatch, tables: Tables | None, **change: Any) -> AgentResult:
    monkeypatch.setattr(kernels, "installed", lambda: tables)
    given = {k: v for k, v in (ITEM | change).items() if v is not None}
    return AGENT.assess(Inputs(parse_brief({"name": "t", "llm_serving": [given]})), silent)


def values(result: AgentResult) -> dict[str, FactValue]:
    return {f.id.removeprefix("mlops.serving.chat."): f.value for f in result.facts}


def test_without_the_extra_there_are_no_such_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    result = assess(monkeypatch, None)
    assert not [name for name in values(result) if name.startswith("kernel_")]
    assert "kernel_tables" not in result.details["serving"]["chat"]


def test_the_tables_stand_beside_the_closed_form_and_do_not_replace_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Book("meta-llama/Meta-Llama-3.1-70B")
    alone, beside = values(assess(monkeypatch, None)), values(assess(monkeypatch, book.tables))
    assert {k: v for k, v in beside.items() if not k.startswith("kernel_")} == alone
    assert beside["kernel_tpot_s"] == 0.02
    assert beside["kernel_ttft_s"] == 0.25
    assert beside["kernel_requests_per_s_per_replica"] == 10.0
    assert beside["kernel_gpus"] == beside["gpus_per_replica"], "one replica carries ten requests a second"


def test_the_ratio_is_the_closed_form_over_the_tables_at_the_same_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = assess(monkeypatch, Book("meta-llama/Meta-Llama-3.1-70B").tables)
    ratio = next(f for f in result.facts if f.id.endswith(".kernel_ratio"))
    assert ratio.inputs["tables"] == 10.0
    assert ratio.value == pytest.approx(float(ratio.inputs["closed_form"]) / 10.0)
    assert values(result)["kernel_ratio"] == ratio.value


def test_the_question_names_a_bundled_model_and_the_chosen_split(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book("meta-llama/Meta-Llama-3.1-70B", "openai/gpt-oss-120b")
    found = values(assess(monkeypatch, book.tables))
    (asked,) = book.asked
    assert asked.model == "meta-llama/Meta-Llama-3.1-70B"
    assert asked.gpus == found["gpus_per_replica"]
    assert asked.batch == round(float(found["batch_limit"]))
    assert (asked.input_tokens, asked.output_tokens, asked.weights, asked.cache) == (1000, 200, "fp8", "fp8")
    assert not asked.sparse


@pytest.mark.parametrize(
    "change",
    [
        {"model": "microsoft/phi-4"},  # not bundled: the package would try to download it
        {"gpu": "mi300x"},
        {"weight_dtype": "int4"},
        {"model": "openai/gpt-oss-120b", "weight_dtype": "bf16"},  # bundled in MXFP4 alone
    ],
)
def test_nothing_is_asked_that_the_tables_do_not_hold(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    book = Book("meta-llama/Meta-Llama-3.1-70B", "openai/gpt-oss-120b")
    result = assess(monkeypatch, book.tables, **change)
    assert book.asked == []
    assert result.details["serving"]["chat"]["kernel_tables"] == "hold no such model, GPU or dtype"


def test_a_published_dtype_is_left_to_the_bundled_config(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book("openai/gpt-oss-120b")
    assess(monkeypatch, book.tables, model="openai/gpt-oss-120b", weight_dtype=None)
    (asked,) = book.asked
    assert asked.weights == ""
    assert asked.sparse


@pytest.mark.parametrize(
    ("batch", "prompt", "tokens"), [(1024, 128, 8192), (2, 128, 256), (64, 20_000, 20_000)]
)
def test_prefill_comes_in_chunks_that_hold_at_least_one_prompt(batch: int, prompt: int, tokens: int) -> None:
    asked = Question("m", "h100_sxm", 1, batch, prompt, 200, "fp8", "fp8", sparse=False)
    assert kernels.chunk(asked) == tokens


def test_a_package_that_fails_leaves_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book("meta-llama/Meta-Llama-3.1-70B", error=RuntimeError("internal"))
    result = assess(monkeypatch, book.tables)
    assert values(result) == values(assess(monkeypatch, None))
    assert result.details["serving"]["chat"]["kernel_tables"] == "gave no answer: RuntimeError"


def test_a_missing_package_is_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert kernels.installed.__wrapped__() is None


def test_the_package_itself_covers_the_llama_family_and_touches_no_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("aiconfigurator", reason="the extra `gpu` is not installed")

    def refuse(*args: object, **options: object) -> NoReturn:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    tables = kernels.installed()
    assert tables is not None
    assert "meta-llama/Meta-Llama-3.1-70B" in tables.models
    found = values(assess(monkeypatch, tables))
    # Measured on this deployment by TensorRT-LLM 1.0 (docs/agents/mlops.md): the closed form is within its band of the tables.
    assert 0.7 <= float(found["kernel_ratio"]) <= 1.5
