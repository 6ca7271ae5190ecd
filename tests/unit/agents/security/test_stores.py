"""What an entry of a secret store gives away, in the forms that well-kept public manifests have it."""

from __future__ import annotations

import base64

import pytest

from infra_mind.agents.security.secrets import literal_secret
from infra_mind.agents.security.stores import stored_secret
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ALERTS = "global:\n  resolve_timeout: 5m\nroute:\n  receiver: Default\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "git"), ("url", "https://github.com/argoproj/argocd-example-apps"), ("username", "wordpress"), ("enableOCI", "true"),
        ("projectId", "shop-prod"), ("connectionName", "us-central1:wp-db"), ("githubAppID", "12345"), ("ca.crt", CERTIFICATE), ("bundle", CERTIFICATE),
        ("namespace", "argocd"), ("alertmanager.yaml", ALERTS), ("grafana.ini", "[date_formats]\ndefault_timezone = UTC\n"), ("POSTGRES_DB", "shop"),
        ("password", "${DB_PASSWORD}"), ("password", "<your password>"), ("admin.passwordMtime", "2020-01-01T00:00:00Z"), ("password", " "),
    ],
)  # fmt: skip
def test_what_plainly_opens_nothing_is_no_secret(name: str, value: str) -> None:
    assert stored_secret(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "change-me"), ("k8svaultapikey", "k8s-goat-cd2da27224591da2b48ef83826a8a6c3"), ("user_password", "hunter22"), ("tls.key", "MIIEvQ"),
        ("url", "postgres://app:hunter22@db/shop"), ("webhook.github.secret", "shhhh! it's a GitHub secret"), (".dockerconfigjson", '{"auths": {"r.io": {"auth": "YTpi"}}}'),
        ("alertmanager.yaml", ALERTS + "  smtp_auth_password: 'hunter22'\n"), ("app.env", "DEBUG=1\nDB_PASSWORD=hunter22\n"), ("config.json", '{"auths": {}}'),
        ("license", "AAAA-BBBB-CCCC"),
    ],
)  # fmt: skip
def test_everything_else_in_a_store_is_one_and_is_masked(name: str, value: str) -> None:
    token = stored_secret(name, value)
    assert token is not None
    assert "hunter22" not in token.shown


def test_a_secret_that_holds_only_the_address_of_a_repository_passes() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: repo}\nstringData:\n  type: git\n  url: https://example.org/shop.git\n"
    result = run(Artefact(path="repo.yaml", content=text))
    assert not of(result, "IM-K8S-SECRET-001")
    assert of(result, "IM-K8S-SECRET-001", Status.PASS)


def test_of_an_encoded_secret_only_the_entries_that_open_something_are_named() -> None:
    entries = {"host": "db.shop.svc", "username": "app", "password": "hunter22", "ca.crt": CERTIFICATE}
    data = "".join(f"  {k}: {base64.b64encode(v.encode()).decode()}\n" for k, v in entries.items())
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\ndata:\n{data}"
    (finding,) = of(run(Artefact(path="db.yaml", content=text)), "IM-K8S-SECRET-001")
    assert finding.evidence[0].path == "data.password"


def test_terraform_names_the_entries_of_a_stored_map_or_json_that_open_something() -> None:
    text = (
        'resource "kubernetes_secret" "repo" {\n  data = {\n    type = "git"\n    url  = "https://example.org/a.git"\n  }\n}\n'
        'resource "aws_secretsmanager_secret_version" "db" {\n  secret_string = jsonencode({ username = "app", password = "hunter22" })\n}\n'
    )
    (finding,) = of(run(Artefact(path="main.tf", content=text)), "IM-TF-SECRET-006")
    assert finding.resource == "aws_secretsmanager_secret_version.db"
    assert finding.evidence[0].observed == "password = …(8 chars)"


@pytest.mark.parametrize(
    "value",
    [
        "jsonencode({ username = random_pet.u.id, password = random_password.p.result })",
        'jsonencode(merge({ username = "app" }, { password = random_password.p.result }))',
        'jsonencode({ db = { host = "db.shop", password = random_password.p.result } })',
        '"{\\"username\\": \\"app\\", \\"password\\": \\"${random_password.p.result}\\"}"',
        "random_password.p.result",
    ],
)
def test_an_entry_that_apply_time_makes_stands_in_no_file(value: str) -> None:
    text = f'resource "aws_secretsmanager_secret_version" "v" {{\n  secret_string = {value}\n}}\n'
    assert not of(run(Artefact(path="main.tf", content=text)), "IM-TF-SECRET-006")


def test_a_nested_entry_of_a_stored_json_is_found() -> None:
    text = 'resource "aws_secretsmanager_secret_version" "v" {\n  secret_string = jsonencode({ db = { host = "db.shop", password = "hunter22" } })\n}\n'
    (finding,) = of(run(Artefact(path="main.tf", content=text)), "IM-TF-SECRET-006")
    assert finding.evidence[0].observed == "password = …(8 chars)"


@pytest.mark.parametrize(
    ("value", "found"), [("client_secret", False), ("Client-Secret", False), ("clientsecret1", True)]
)
def test_a_value_that_only_repeats_its_name_is_a_placeholder(value: str, found: bool) -> None:
    text = f'resource "aws_lb_listener" "l" {{\n  default_action {{\n    authenticate_oidc {{\n      client_secret = "{value}"\n    }}\n  }}\n}}\n'
    assert bool(of(run(Artefact(path="main.tf", content=text)), "IM-TF-SECRET-004")) is found


@pytest.mark.parametrize("name", ["password", "token", "db_password"])
def test_a_password_may_well_be_its_own_name(name: str) -> None:
    assert literal_secret(name, name) is not None
