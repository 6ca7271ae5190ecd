"""What an entry of a secret store gives away when its value stands in a file.

Stores hold more than secrets: the address and kind of a repository, a user's name, a certificate, a whole configuration file. Elsewhere a
value is a secret if its name says so; here it is one unless its name or its form says that it is none."""

from __future__ import annotations

import re

from infra_mind.agents.security.secrets import Token, literal_secret, mask, tokens, words_of

# What such an entry is called when it says where, what or who, and opens nothing by itself.
_OPEN_NAME = re.compile(
    r"(?i)(?:^|[._-])(?:type|kind|url|uri|endpoint|host|hostname|fqdn|server|address|port|name|user|username|login|email|namespace|project|region|zone|"
    r"bucket|database|db|schema|scheme|protocol|ssl_?mode|tls|insecure|secure|issuer|version|env|environment|path|proxy|no_?proxy|mtime|"
    r"(?:ca|tls|client|server)[._-]?(?:crt|cert|bundle)|ca|crt|cert|certificate|public_?key|known_?hosts|owner|org|organi[sz]ation|"
    r"(?:project|client|account|tenant|subscription|app|installation|cluster|user)_?id)$"
)
_FILE_NAME = re.compile(r"(?i)\.(?:ya?ml|json|ini|conf|cfg|cnf|toml|properties|xml|tpl|tmpl|rules|env)$")
_DOCKER_CONFIG = re.compile(r"(?i)^config\.json$")  # as `docker login` writes it: a log-in for each registry
_OPEN_VALUE = re.compile(
    r"(?i)^(?:true|false|yes|no|on|off|none|null|\d{1,5}|-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*|-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]*"
    r"|(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+.*)$"
)
_PLACEHOLDER = ("$", "{{", "<", "%(")
_SETTING = re.compile(r"^\s*(?:-\s+)?[\"']?([A-Za-z0-9_.-]{1,80})[\"']?\s*[:=]\s*[\"']?([^\s\"',#;]{1,400})")


def stored_secret(name: str, value: str) -> Token | None:
    """The secret in the entry `name` of a store, None if the value is a placeholder, or plainly open: an address without a password in it, a
    user's name, a switch, a certificate, a configuration file in which no setting is a secret."""
    text = value.strip()
    if not text or text.startswith(_PLACEHOLDER):
        return None
    known = next(tokens(text), None)
    if known:
        return known
    if _FILE_NAME.search(name) and not _DOCKER_CONFIG.match(name):
        return _in_settings(text)
    if _OPEN_VALUE.match(text) or _OPEN_NAME.search(words_of(name)):
        return None
    return Token(f"value of {name}", text, mask(text))


def _in_settings(text: str) -> Token | None:
    """The first setting of a configuration file whose name says that it is a secret."""
    for line in text.splitlines():
        found = _SETTING.match(line)
        token = literal_secret(found.group(1), found.group(2)) if found else None
        if token:
            return token
    return None
