from __future__ import annotations

from typing import Any

import pytest

from infra_mind.model.inventory import Lines, Resource, unresolvable
from tests.unit.artefacts.texts import inventory, only_unread, resource


def service(body: str, env: str | None = None) -> Resource:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    files = {"compose.yaml": f"services:\n  web:\n{lines}\n"}
    if env is not None:
        files[".env"] = env
    return resource(inventory(files), "service/web")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("80", {"target": 80}),
        ('"80"', {"target": 80}),
        ('"8080:80"', {"target": 80, "published": "8080"}),
        ('"22:22"', {"target": 22, "published": "22"}),
        ('"127.0.0.1:8080:80"', {"target": 80, "published": "8080", "host_ip": "127.0.0.1"}),
        ('"127.0.0.1::80"', {"target": 80, "host_ip": "127.0.0.1"}),
        ('"[::1]:8080:80"', {"target": 80, "published": "8080", "host_ip": "::1"}),
        ('"6060:6060/udp"', {"target": 6060, "published": "6060", "protocol": "udp"}),
        ('"9090-9091:8080-8081"', {"target": "8080-8081", "published": "9090-9091"}),
        ("{target: 80, published: 8080, mode: host}", {"target": 80, "published": 8080, "mode": "host"}),
    ],
)
def test_ports_in_their_long_form(short: str, long: dict[str, Any]) -> None:
    assert service(f"ports:\n  - {short}").values["ports"] == [{"protocol": "tcp", "mode": "ingress", **long}]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("/data", {"type": "volume", "target": "/data", "read_only": False}),
        ("db:/data", {"type": "volume", "source": "db", "target": "/data", "read_only": False}),
        (
            "./a:/data:ro",
            {"type": "bind", "source": "./a", "target": "/data", "read_only": True, "options": ["ro"]},
        ),
        (
            "/var/run/docker.sock:/s",
            {"type": "bind", "source": "/var/run/docker.sock", "target": "/s", "read_only": False},
        ),
        ("C:\\a:/data", {"type": "bind", "source": "C:\\a", "target": "/data", "read_only": False}),
    ],
)
def test_volumes_in_their_long_form(short: str, long: dict[str, Any]) -> None:
    assert service(f"volumes:\n  - '{short}'").values["volumes"] == [long]


def test_environment_as_a_list_keeps_its_lines() -> None:
    web = service("environment:\n  - A=1\n  - B=x=y\n  - FROM_SHELL")
    assert web.values["environment"] == {"A": "1", "B": "x=y", "FROM_SHELL": unresolvable("${FROM_SHELL}")}
    assert web.lines_of("environment.B") == Lines(start=5, end=5)


def test_depends_on_as_a_list() -> None:
    assert service("depends_on: [db]").values["depends_on"] == {"db": {"condition": "service_started"}}


def test_build_as_a_text() -> None:
    assert service("build: ./app").values["build"] == {"context": "./app"}


def test_env_file_as_a_text() -> None:
    assert service("env_file: a.env").values["env_file"] == [{"path": "a.env", "required": True}]


def test_a_health_check_as_a_text() -> None:
    assert service("healthcheck: {test: curl x}").values["healthcheck"] == {"test": ["CMD-SHELL", "curl x"]}


def test_replicas_are_the_count() -> None:
    assert service("deploy:\n  replicas: 3").count == 3


def test_replicas_that_nobody_knows() -> None:
    assert service("deploy:\n  replicas: ${N}").count is None


def test_replicas_from_a_default() -> None:
    assert service("deploy:\n  replicas: ${N:-4}").count == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:${TAG:-1.0}", "a:1.0"),
        ("a:${TAG-1.0}", "a:1.0"),
        ("a:${TAG:-${OTHER:-2}}", "a:2"),
        ("a:${TAG:+yes}", "a:"),
        ("cost $$5", "cost $5"),
        ("a:${TAG}", unresolvable("${TAG}")),
        ("a:$TAG", unresolvable("${TAG}")),
        ("a:${TAG:?must be set}", unresolvable("${TAG}")),
    ],
)
def test_interpolation_without_env(text: str, value: Any) -> None:
    assert service(f"image: '{text}'").values["image"] == value


def test_interpolation_from_the_env_file_beside_it() -> None:
    assert service("image: a:${TAG:-1}", "# c\nexport TAG='2.5'\n").values["image"] == "a:2.5"


def test_anchors_merges_and_extensions() -> None:
    found = inventory(
        {
            "docker-compose.yml": """\
            x-base: &base
              restart: always
              privileged: true
            services:
              web:
                <<: *base
                restart: "no"
            """
        }
    )
    web = resource(found, "service/web")
    assert web.values == {"restart": "no", "privileged": True}
    assert web.lines_of("privileged") == Lines(start=3, end=3)


def test_known_by_its_shape() -> None:
    assert (
        resource(inventory({"stack.yml": "services: {web: {image: a}}"}), "service/web")
        .lines_of("image")
        .start
        == 1
    )


def test_networks_volumes_and_secrets() -> None:
    text = (
        "services: {a: {image: b}}\nnetworks: {n: }\nvolumes: {v: {driver: local}}\nsecrets: {s: {file: x}}\n"
    )
    found = inventory({"compose.yml": text})
    assert [r.address for r in found.resources] == ["network/n", "secret/s", "service/a", "volume/v"]


@pytest.mark.parametrize("text", ["services: [a]", "services: {a: text}", "- a", "services:\n  a: 1"])
def test_a_compose_file_of_the_wrong_shape(text: str) -> None:
    assert only_unread(inventory({"compose.yaml": text})).kind == "unreadable"


def test_a_long_value_of_the_env_file_is_not_given_out_for_ever() -> None:
    rows = "\n".join(f"  A{i}: $LONG" for i in range(500))
    web = service(f"environment:\n{rows}", "LONG=" + "x" * 100_000)
    assert web.values["environment"]["A499"] == unresolvable("${LONG}")
