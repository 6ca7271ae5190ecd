"""The engine's settings: where very large results lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra_mind.cluster.engine import Engine
from infra_mind.errors import OptionInvalid
from infra_mind.settings import Settings


def engine(tmp_path: Path, *, beside_store: bool = False, **settings: object) -> Engine:
    made = Settings(home=tmp_path, **settings)  # type: ignore[arg-type]
    return Engine.of(made, store_url="redis://127.0.0.1:1/0", beside_store=beside_store)


def test_up_keeps_objects_in_the_home_directory(tmp_path: Path) -> None:
    assert engine(tmp_path, beside_store=True).objects_url == f"file://{tmp_path}/objects"


def test_a_store_that_others_share_keeps_all_unless_told_otherwise(tmp_path: Path) -> None:
    assert engine(tmp_path).objects_url is None


def test_what_is_set_wins(tmp_path: Path) -> None:
    found = engine(tmp_path, beside_store=True, objects_url="s3://bucket/prefix")
    assert found.objects_url == "s3://bucket/prefix"


def test_a_url_that_cannot_be_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(OptionInvalid, match="INFRA_MIND_OBJECTS_URL"):
        engine(tmp_path, objects_url="ftp://host")


def test_the_limits_reach_the_store(tmp_path: Path) -> None:
    limits = engine(tmp_path, objects_above=7, compress_above=5).limits
    assert (limits.objects_above, limits.compress_above) == (7, 5)


def test_alerts_are_told_to_a_receiver_when_there_is_one(tmp_path: Path) -> None:
    assert engine(tmp_path).alert_receiver() is None
    told = engine(tmp_path, alert_webhook_url="https://alerts.example.com/hook/secret-path")
    receiver = told.alert_receiver()
    assert receiver is not None
    assert receiver.target.path == "/hook/secret-path"
    assert "secret-path" not in repr(receiver)
    assert "secret-path" not in repr(told)
