from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra_mind.settings import IntakeLimits, Settings

SECRET = "redis://:hunter2@127.0.0.1:1/0"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFRA_MIND_HOME", str(tmp_path))
    monkeypatch.setenv("INFRA_MIND_PORT", "1234")
    monkeypatch.setenv("INFRA_MIND_INTAKE_MAX_FILES", "7")
    assert (Settings().home, Settings().port, IntakeLimits().max_files) == (tmp_path, 1234, 7)


def test_by_default_it_is_for_this_machine_and_this_person_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "HOST", "PORT"):
        monkeypatch.delenv(f"INFRA_MIND_{name}", raising=False)
    assert Settings().host == "127.0.0.1"
    assert Settings().home == Path.home() / ".infra-mind"


@pytest.mark.parametrize(("name", "value"), [("PORT", "-1"), ("PORT", "65536"), ("LEASE_S", "0.1"), ("AGENT_ATTEMPTS", "0"), ("DURABILITY", "never"), ("SURPLUS", "0"), ("RESULT_TTL_S", "0")])  # fmt: skip
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"INFRA_MIND_{name}", value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    assert [e["loc"] for e in wrong.value.errors()] == [(name.lower(),)]


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRA_MIND_STORE_URL", SECRET)
    monkeypatch.setenv("INFRA_MIND_API_KEY", "im_1_hunter2")
    settings = Settings()
    assert settings.store_url
    assert settings.store_url.get_secret_value() == SECRET
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_the_store_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "store_url"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("INFRA_MIND_STORE_URL_FILE", str(file))
    settings = Settings()
    assert settings.store_url
    assert settings.store_url.get_secret_value() == SECRET
    assert "hunter2" not in f"{settings!r} {settings.model_dump_json()}"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INFRA_MIND_STORE_URL_FILE", "~/store_url")
    assert Settings().store_url == settings.store_url
    monkeypatch.setenv("INFRA_MIND_STORE_URL", "redis://127.0.0.1:2/0")
    nearer = Settings().store_url
    assert nearer
    assert nearer.get_secret_value() == "redis://127.0.0.1:2/0"


@pytest.mark.parametrize(("text", "problem"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_file_without_a_store_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, problem: str
) -> None:
    """Never an embedded store in the place of the one that was meant."""
    file = tmp_path / "store_url"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("INFRA_MIND_STORE_URL_FILE", str(file))
    with pytest.raises(ValidationError, match=f"{file} {problem}"):
        Settings()


def test_other_variables_of_the_same_prefix_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRA_MIND_SOMETHING_ELSE", "1")
    Settings()
