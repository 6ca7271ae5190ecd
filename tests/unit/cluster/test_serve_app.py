"""The arguments of the Serve application: where the store's URL comes from, and that nobody gives a password away unwarned."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serve_app import Arguments, settings_of

WITH_PASSWORD = "rediss://:hunter2@store.internal:6379/0"
WITHOUT = "redis://store.internal:6379/0"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFRA_MIND_STORE_URL_FILE", raising=False)
    monkeypatch.setenv("INFRA_MIND_STORE_URL", "redis://of-the-environment:1/0")


def url_of(args: Arguments) -> str:
    found = settings_of(args).store_url
    assert found
    return found.get_secret_value()


def test_the_environment_names_the_store_unless_an_argument_does(tmp_path: Path) -> None:
    file = tmp_path / "store_url"
    file.write_text(WITH_PASSWORD)
    assert url_of(Arguments()) == "redis://of-the-environment:1/0"
    assert url_of(Arguments(store_url=WITHOUT)) == WITHOUT
    assert url_of(Arguments(store_url_file=str(file))) == WITH_PASSWORD
    assert url_of(Arguments(store_url=WITHOUT, store_url_file=str(file))) == WITHOUT


@pytest.mark.parametrize(
    ("url", "warned"),
    [(WITH_PASSWORD, True), ("redis://user:p@h/0", True), ("redis://[:p@h/0", True), (WITHOUT, False), ("redis://user@h:1/0", False)],
)  # fmt: skip
def test_a_password_in_an_argument_is_warned_of_and_not_repeated(url: str, warned: bool) -> None:
    with capture_logs() as logs:
        settings_of(Arguments(store_url=url))
    assert [entry["log_level"] for entry in logs] == ["warning"] * warned
    assert url not in str(logs)


def test_what_stands_in_a_file_needs_no_warning(tmp_path: Path) -> None:
    file = tmp_path / "store_url"
    file.write_text(WITH_PASSWORD)
    with capture_logs() as logs:
        settings_of(Arguments(store_url_file=str(file)))
    assert not logs


def test_durability_of_an_argument_counts() -> None:
    assert settings_of(Arguments(durability="strict")).durability == "strict"
