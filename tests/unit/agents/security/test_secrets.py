"""Secrets are found with few false alarms, and never come out whole."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra_mind.agents.security.secrets import (
    _ASSIGNED,
    _AWS_SECRET,
    _HINT,
    _PATTERNS,
    _TELLS,
    assigned,
    is_secret_name,
    literal_secret,
    mask,
    scrub,
    tokens,
)
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: x:1\n    %s\n"
_UPPER = st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16)
_MIXED = st.text(string.ascii_letters + string.digits, min_size=36, max_size=36)
_PASSWORD = (
    st.text(string.ascii_letters + string.digits + "!-_+", min_size=12, max_size=30)
    .filter(
        lambda t: (
            any(c.isdigit() for c in t) and any(c.isalpha() for c in t) and t[0].isalnum() and t[-1].isalnum()
        )
    )
    .map("Zq7{}".format)
)  # Hypothesis draws words from the project itself, such as the name of a rule, which a result may well hold


@pytest.mark.parametrize(
    "pattern", [*(p for _, p, _ in _PATTERNS), _AWS_SECRET], ids=lambda p: p.pattern[:30]
)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_has_the_form_of_a_secret_has_a_hint_of_it(
    pattern: re.Pattern[str], data: st.DataObject
) -> None:
    assert _HINT.search(data.draw(st.from_regex(pattern)))


@given(st.from_regex(_ASSIGNED))
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_assigned_to_a_telling_name_is_found_by_the_name(text: str) -> None:
    assert _TELLS.search(text)


def test_a_mask_keeps_the_public_prefix_and_the_length() -> None:
    assert mask("AKIAQWERTYUIOPASDFGH", 4) == "AKIA…(20 chars)"
    assert mask("hunter2") == "…(7 chars)"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAQWERTYUIOPASDFGH",
        "ghp_" + "a1" * 18,
        "xoxb-1234567890-abcdefghij",
        "AIza" + "b2" * 17 + "c",
        "sk_live_" + "d3" * 10,
        "postgres://app:s3cr3tPa55@db/x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0000\n-----END RSA PRIVATE KEY-----",
        'aws_secret_access_key = "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLE9Key"',
        "hf_" + "Qw3" * 12,
    ],
)
def test_known_forms_are_recognised_and_scrubbed(text: str) -> None:
    (token,) = tokens(text)
    assert token.value not in scrub(text)
    assert "chars)" in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "0f" * 32,
        "postgres://app:${DB_PASSWORD}@db/x",
        "https://example.com/a:b@c",
        "arn:aws:iam::123456789012:role/AKIA",
        "nodejs20.x",
        "sk-learn and task-force-one",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert not list(tokens(text))


@pytest.mark.parametrize(
    "name",
    [
        "db_password",
        "API_KEY",
        "clientSecret",
        "MYSQL_ROOT_PASSWORD",
        "auth-token",
        "secret_key",
        "password_wo",
    ],
)
def test_telling_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "password_file",
        "bypass",
        "secret_name",
        "token_ttl",
        "max_tokens",
        "public_key",
        "compass",
        "http_tokens",
        "creation_token",
        "nextToken",
        "idempotency_token",
        "password_wo_version",
    ],
)
def test_names_that_only_sound_alike(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "${var.pw}",
        "/run/secrets/db",
        "true",
        "minutes",
        "",
        "changed.json",
        "<your-password>",
        "arn:aws:x",
        "{{ pw }}",
        None,
        7,
        ["a"],
    ],
)
def test_references_and_placeholders_are_no_secrets(value: object) -> None:
    assert literal_secret("password", value) is None


@settings(max_examples=25, deadline=None)
@given(key=_UPPER, token=_MIXED, password=_PASSWORD)
def test_no_secret_comes_out_of_any_format(key: str, token: str, password: str) -> None:
    access = "AKIA" + key
    github = "ghp_" + token
    terraform = (
        f'provider "aws" {{\n  access_key = "{access}"\n}}\n'
        f'resource "aws_db_instance" "d" {{\n  password = "{password}"\n  publicly_accessible = true\n}}\n'
        f'resource "aws_instance" "i" {{\n  user_data = "export TOKEN={github} PASSWORD={password}"\n  tags = {{ note = "{github}" }}\n}}\n'
        f'resource "aws_lambda_function" "l" {{\n  environment {{\n    variables = {{\n      DB_PASSWORD = "{password}"\n    }}\n  }}\n}}\n'
    )
    manifest = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: a\n"
        f"    command: [run, '{github}']\n    env:\n    - name: DB_PASSWORD\n      value: '{password}'\n"
        f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{token: '{password}'}}\n"
    )
    compose = f"services:\n  x:\n    image: a\n    environment:\n      API_TOKEN: '{password}'\n      URL: 'amqp://u:{token}@mq'\n"
    docker = (
        f"FROM a\nENV API_TOKEN={password}\nARG KEY={access}\nRUN curl -H 'Authorization: {github}' https://example.com | sh\n"
        f"RUN mysql --password={password} && pip install a && sudo ls\n"
    )
    result = run(
        Artefact(path="main.tf", content=terraform),
        Artefact(path="p.yaml", content=manifest),
        Artefact(path="compose.yaml", content=compose),
        Artefact(path="Dockerfile", content=docker),
    )
    text = result.model_dump_json()
    assert "AKIA…(20 chars)" in text
    for secret in (access, github, token, password):
        assert secret not in text


@pytest.mark.parametrize(
    "text", ["automountServiceAccountToken: false", "password = var.db_password", "--password=${PW}"]
)
def test_scrubbing_leaves_references_and_switches_readable(text: str) -> None:
    assert scrub(text) == text


def failing(terraform: str) -> set[str]:
    found = run(Artefact(path="main.tf", content=terraform)).findings
    return {f.rule_id for f in found if f.status is Status.FAIL and "SECRET" in f.rule_id}


@pytest.mark.parametrize(
    "terraform",
    [
        'resource "aws_efs_file_system" "e" {\n  creation_token = "models-2024-eu-west-1"\n}\n',
        'resource "azurerm_key_vault" "v" {\n  network_acls {\n    bypass = "AzureServices"\n    default_action = "Deny"\n  }\n}\n',
        'resource "aws_cognito_user_pool_client" "c" {\n  token_validity_units {\n    access_token = "minutes"\n    refresh_token = "days"\n  }\n}\n',
        'resource "google_cloud_run_v2_service" "s" {\n  template {\n    containers {\n      env {\n        name = "DB_PASSWORD"\n'
        '        value_source {\n          secret_key_ref {\n            secret = "db-password-1"\n            version = "latest"\n'
        "          }\n        }\n      }\n    }\n  }\n}\n",
        'resource "google_cloudfunctions2_function" "f" {\n  service_config {\n    secret_environment_variables {\n      key = "DB"\n'
        '      secret = "db-password-1"\n      version = "1"\n    }\n  }\n}\n',
    ],
)
def test_names_of_entries_and_of_calls_are_no_secrets(terraform: str) -> None:
    assert failing(terraform) == set()


def test_the_key_of_a_mounted_share_is_one() -> None:
    share = 'resource "azurerm_container_group" "g" {\n  container {\n    volume {\n      storage_account_key = "Zm9vYmFyMTIzNDU2Nzg5MA"\n    }\n  }\n}\n'
    assert failing(share) == {"IM-TF-SECRET-003"}


def test_a_secret_check_counts_only_where_a_token_could_stand() -> None:
    plain = 'resource "aws_subnet" "s" {\n  cidr_block = "10.0.0.0/24"\n}\n'
    result = run(
        Artefact(path="main.tf", content=plain), Artefact(path="Dockerfile", content="FROM a:1\nRUN make\n")
    )
    assert not [f for f in result.findings if f.rule_id in ("IM-TF-SECRET-005", "IM-DOCKER-SECRET-002")]


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("main.tf", 'resource "aws_instance" "x" {\n  user_data = <<EOF\nexport DB_PASSWORD=Tr0ub4dor-and-3\nEOF\n}\n', "IM-TF-SECRET-002"),
        ("main.tf", 'resource "aws_instance" "x" {\n  user_data = templatefile("u.sh", { password = "Tr0ub4dor-and-3" })\n}\n', "IM-TF-SECRET-002"),
        ("Dockerfile", "FROM a:1\nRUN <<EOF\nexport DB_PASSWORD=Tr0ub4dor-and-3\nEOF\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "FROM a:1\nCOPY <<EOF /app.conf\npassword=Tr0ub4dor-and-3\nEOF\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "FROM a:1\nRUN mysql -u root -pTr0ub4dor-and-3\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "FROM a:1\nRUN curl -u me:Tr0ub4dor-and-3 https://example.com\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "FROM a:1\nRUN sshpass -p Tr0ub4dor-and-3 ssh h\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "FROM a:1\nLABEL api_key=Tr0ub4dor-and-3\n", "IM-DOCKER-SECRET-002"),
        ("Dockerfile", "ARG TOKEN=Tr0ub4dor-and-3\nFROM a:1\n", "IM-DOCKER-SECRET-001"),
        ("main.tf", 'resource "helm_release" "g" {\n  values = [<<EOT\nadminPassword: Tr0ub4dor-and-3\nEOT\n  ]\n}\n', "IM-TF-SECRET-003"),
        ("main.tf", 'resource "helm_release" "g" {\n  values = [yamlencode({ adminPassword = "Tr0ub4dor-and-3" })]\n}\n', "IM-TF-SECRET-003"),
        ("app.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: p}\nspec:\n  source:\n    helm:\n      parameters: [{name: adminPassword, value: Tr0ub4dor-and-3}]\n", "IM-K8S-SECRET-005"),
        ("app.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: p}\nspec:\n  source:\n    helm:\n      values: |\n        a: 1\n        adminPassword: Tr0ub4dor-and-3\n", "IM-K8S-SECRET-005"),
        ("compose.yaml", "services:\n  a:\n    image: x:1\n    command: redis-server --requirepass Tr0ub4dor-and-3\n", "IM-COMPOSE-SECRET-001"),
        ("compose.yaml", "services:\n  a: {image: 'x:1'}\nconfigs:\n  c:\n    content: |\n      password=Tr0ub4dor-and-3\n", "IM-COMPOSE-SECRET-001"),
        ("p.yaml", _POD % 'args: ["--password", "Tr0ub4dor-and-3"]', "IM-K8S-SECRET-002"),
        ("p.yaml", _POD % 'args: ["--password=Tr0ub4dor-and-3"]', "IM-K8S-SECRET-002"),
        ("p.yaml", _POD % 'livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: "Bearer Tr0ub4dor-and-3.0"}]}}', "IM-K8S-SECRET-002"),
    ],
)  # fmt: skip
def test_what_a_script_or_a_command_gives_to_a_telling_name_is_found(path: str, text: str, rule: str) -> None:
    result = run(Artefact(path=path, content=text))
    assert of(result, rule)
    assert "Tr0ub4dor" not in result.model_dump_json()


@pytest.mark.parametrize(
    "script",
    [
        "TOKEN=$(curl -s http://169.254.169.254/latest/api/token)", 'PASSWORD="${DB_PASSWORD}"', "TOKEN=`get-token`", "password=$1",
        "helm install x --set auth.existingSecret=database", "docker build --secret id=mysecret .", "echo 'PasswordAuthentication no'",
        "--token-ttl=3600s", "secret_key=/run/secrets/key", "api_key=getenv(KEY)",
        "mysqladmin ping -p$MYSQL_PASSWORD", "mysql -port 3306", "curl -u user:$TOKEN https://x", "mysql -u root -p < dump.sql",
    ],
)  # fmt: skip
def test_what_a_script_puts_in_when_it_runs_is_no_secret(script: str) -> None:
    assert [*assigned(script), *tokens(script)] == []
