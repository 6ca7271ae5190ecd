"""What looks like a secret in plain text, and how it is masked. Nothing here keeps or prints a secret whole.

Two ways of being sure: the issuer's own token form (prefix, alphabet and length as the issuers document them), or a name that says
what the value is (`db_password`) beside a literal that is no reference, path or placeholder."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Token:
    """A secret that was recognised: `kind` in words, `value` whole (only for masking), `shown` masked."""

    kind: str
    value: str
    shown: str


# (kind, pattern with the secret as group 1 or the whole match, characters of the public prefix that may be shown)
_PATTERNS: tuple[tuple[str, re.Pattern[str], int], ...] = (
    ("AWS access key id", re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"), 4),
    ("GitHub token", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}"), 4),
    ("GitHub fine-grained token", re.compile(r"github_pat_[A-Za-z0-9_]{60,255}"), 11),
    ("GitLab token", re.compile(r"glpat-[A-Za-z0-9_-]{20,64}"), 6),
    ("Slack token", re.compile(r"xox[abeoprs]-[A-Za-z0-9-]{10,250}"), 5),
    ("Slack webhook", re.compile(r"hooks\.slack\.com/services/(T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})"), 0),
    ("Google API key", re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}"), 4),
    ("Google OAuth secret", re.compile(r"GOCSPX-[A-Za-z0-9_-]{20,}"), 7),
    ("Stripe live key", re.compile(r"(?<![A-Za-z0-9])(?:sk|rk)_live_[A-Za-z0-9]{16,}"), 8),
    ("OpenAI key", re.compile(r"(?<![A-Za-z0-9])sk-(?:proj-|svcacct-)[A-Za-z0-9_-]{20,}"), 3),
    ("OpenAI key", re.compile(r"(?<![A-Za-z0-9-])sk-[A-Za-z0-9]{40,}"), 3),
    ("Anthropic key", re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}"), 7),
    ("Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"), 3),
    ("npm token", re.compile(r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}"), 4),
    ("PyPI token", re.compile(r"pypi-[A-Za-z0-9_-]{60,}"), 5),
    ("SendGrid key", re.compile(r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"), 3),
    ("DigitalOcean token", re.compile(r"do[oprt]_v1_[a-f0-9]{64}"), 7),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]{16,}?(?:-----END|$)"), 0),
    ("JSON web token", re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,}"), 3),
    ("Azure storage key", re.compile(r"AccountKey=([A-Za-z0-9+/]{40,}={0,2})"), 0),
    ("bearer token", re.compile(r"(?i)(?<![a-z])bearer[ ]+(?=[a-z._~+/-]{0,400}\d)([a-z0-9._~+/-]{16,4000}={0,2})(?![a-z0-9])"), 0),
    ("password of a command", re.compile(r"(?<![\w-])(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;&]{0,200}?\s-p(?!ort|rotocol)([^\s\"'$`|;&-][^\s\"'$`|;&]{2,200})"), 0),
    ("password of a command", re.compile(r"(?<![\w-])sshpass\s{1,9}-p\s{0,9}[\"']?([^\s\"'$`|;&-][^\s\"'$`|;&]{2,200})"), 0),
    ("password of a command", re.compile(r"(?<![\w-])curl\b[^\n|;&]{0,400}?\s(?:-u|--user)[ =]{0,9}[\"']?[^\s:\"'$`]{1,100}:([^\s\"'$`|;&]{3,200})"), 0),
    ("password in a URL", re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@'\"$<>{}]{0,200}:([^\s/@'\"$<>{}]{3,400})@"), 0),
)  # fmt: skip
# 40 characters of base64 are an AWS secret key only beside a name that says so.
_AWS_SECRET = re.compile(
    r"(?i:aws_?secret_?(?:access_?)?key|secret_key|secretaccesskey)\W{1,6}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
# No token without one of these: most texts have none, and need not be looked through for each form.
_HINT = re.compile(
    r"AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|AIza|GOCSPX-|_live_|sk-|hf_|npm_|pypi-|SG\.|do[oprt]_v1_|-----BEGIN |eyJ|AccountKey=|://|mysql|mariadb|sshpass|curl|(?i:secret|bearer )"
)
_LONGEST = 20_000  # far more than is shown; masking must stay cheap on hostile text
# Every repetition below is bounded for the same reason.
_TELLING = (
    r"(?:(?:require)?pass(?:word|wd|phrase)?|pwd|secret(?:_?(?:access_?)?key)?|token|api[_-]?key|access_?key|private_?key|raw_?key|key_?raw|credentials?|auth_?key|"
    r"encryption_?key|signing_?key|account_?key|(?:pre_?)?shared_?key|client_?secret|connection_?string)"
)
_TELLS = re.compile(rf"(?i){_TELLING}")  # in everything that `_ASSIGNED` finds, and found six times as fast
_SECRET_NAME = re.compile(
    rf"(?i)(?:^|[._-]){_TELLING}\d*(?:_wo)?$"
)  # _wo: Terraform's write-only twin of an attribute
# Tokens that let a call be repeated or a list be continued: they open nothing.
_NO_SECRET_NAME = re.compile(
    r"(?i)(?:^|[._-])(?:(?:creation|idempotency|request|next|next_page|page|continuation|pagination)_?token|(?:existing|image_?pull|pull|tls)_?secret)$"
)
_TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,400}(?![A-Za-z0-9])")
_PASSWORD = re.compile(r"(?i)pass|pwd")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ASSIGNED = re.compile(
    rf"(?i)([A-Za-z0-9_.-]{{0,40}}{_TELLING}[\"']?\s*(?:=>|[=:])\s*[\"']?|(?<![\w-])--?[a-z0-9_-]{{0,40}}(?:pass(?:word|wd)?|token|secret|api-?key)[= ][\"']?)([^\s\"',;&|]{{3,}})"
)
_NAME_END = re.compile(r"[\"']?\s*(?:=>|[=: ])\s*[\"']?$")
_CALLS = re.compile(r"^(?:id=|src=|env:|[\w.]+\()|\$\{?\w|^\$")
_PLACEHOLDER = re.compile(
    r"(?i)^(?:\$|<|\{\{|%|\*+$|x{3,}$|\.{3}$|(?:true|false|yes|no|none|null|nil|required|optional|default|unset|disabled|enabled"
    r"|seconds|minutes|hours|days|random|generated|tbd|todo|redacted|masked|string|password_?here|your[-_ ].*|example.*here)$)"
)
_REFERENCE = re.compile(
    r"(?i)^(?:/|\.{1,2}/|~/|file:|arn:|vault:|ssm:|op://|secretsmanager:|https?://[^@\s]*$|projects/|(?:var|local|data|module)\.)|\.(?:json|pem|key|crt|txt|ya?ml|env)$"
)


def mask(value: str, keep: int = 0) -> str:
    """`AKIA…(20 chars)`: the public prefix of the token's form (never more than a quarter) and how long it is."""
    return f"{value[: min(keep, len(value) // 4 + 1)]}…({len(value)} chars)"


def tokens(text: str) -> Iterator[Token]:
    """Every secret in the text that its own form gives away, in order of the patterns."""
    if not _HINT.search(text):
        return
    for kind, pattern, keep in _PATTERNS:
        for match in pattern.finditer(text):
            value = match.group(match.lastindex or 0)
            if not _PLACEHOLDER.match(value):
                yield Token(kind, value, mask(value, keep))
    for match in _AWS_SECRET.finditer(text):
        if entropy(match.group(1)) > 3.5:
            yield Token("AWS secret access key", match.group(1), mask(match.group(1)))


def may_hold_secret(text: str) -> bool:
    """False for a text in which neither a token's form nor a telling name can stand: most texts need not be read further."""
    return bool(_HINT.search(text) or _TELLS.search(text))


def words_of(name: str) -> str:
    """`clientSecret` as `client_Secret`, so that the last word of a name can be looked at."""
    return _CAMEL.sub("_", name)


def is_secret_name(name: str) -> bool:
    """True for `db_password`, `API_KEY`, `clientSecret`; false for `password_file`, `secret_name`, `token_ttl`."""
    words = words_of(name)
    return bool(_SECRET_NAME.search(words)) and not _NO_SECRET_NAME.search(words)


def may_hold_token(text: str) -> bool:
    """True if a run of letters and digits is long enough for an issuer's token: only then is there something to check."""
    return bool(_TOKEN_LIKE.search(text[:_LONGEST]))


def literal_secret(name: str, value: Any) -> Token | None:
    """The secret that stands under a telling name, None if the value is a reference, a path, a placeholder or no text."""
    if not isinstance(value, str) or not is_secret_name(name):
        return None
    text = value.strip()
    if len(text) < 3 or "${" in text or "$(" in text or _PLACEHOLDER.match(text) or _REFERENCE.search(text):
        return None
    if _letters(text) == _letters(name) and "_" in words_of(name) and not _PASSWORD.search(name):
        return None  # `client_secret = "client_secret"` says what belongs there; a password may well be "password"
    if "key" in name.lower() and (text.replace("-", "").replace("_", "").isalpha() or entropy(text) < 2.5):
        return None  # `signing_key: release` names a key, it is none
    return Token(f"literal value of {name}", text, mask(text))


def assigned(text: str) -> Iterator[Token]:
    """Every literal that a script or a command line (its first 20 000 characters) gives to a telling name: `export DB_PASSWORD=...`,
    `--token ...`. What is put in when it runs, and a word that is rather the name of a secret than one, are none."""
    text = text[:_LONGEST]
    if not _TELLS.search(text):
        return
    for match in _ASSIGNED.finditer(text):
        name = _NAME_END.sub("", match.group(1)).lstrip("-").replace("-", "_")
        value = match.group(2)
        token = None if value[0] in "`(\\" or _CALLS.search(value) else likely(name, value)
        if token:
            yield token


def likely(name: str, value: str) -> Token | None:
    """The literal under a telling name in a text that says much else: a name of a secret, as in `secret: database`, is none."""
    weak = not _PASSWORD.search(name) and not (len(value) >= 8 and any(c.isdigit() for c in value))
    return None if len(value) < 6 or weak else literal_secret(name, value)


def commanded(words: list[tuple[str, str]]) -> Iterator[tuple[str, Token]]:
    """(path, secret) in the words of a command, each with its path; a value that stands beside its flag is found at the value."""
    before = ""
    for path, text in words:
        beside = before.startswith("-") and "=" not in before and " " not in before
        for token in (*tokens(text), *assigned(f"{before} {text}" if beside else text)):
            if token.value in text:
                yield path, token
        before = text


def secret_lines(text: str) -> set[int]:
    """The lines (from 1) on which a secret of known form, or a value that is given to a telling name, stands or goes on."""
    found = {n for n, line in enumerate(text.split("\n"), start=1) if scrub(line) != line}
    for value in {token.value for token in tokens(text) if "\n" in token.value}:
        first = text.count("\n", 0, text.find(value)) + 1
        found.update(range(first, first + value.count("\n") + 1))
    return found


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def scrub(text: str) -> str:
    """The text (its first 20 000 characters) with every recognised token, and every value given to a telling name, masked."""
    text = text[:_LONGEST]
    for token in tokens(text):
        text = text.replace(token.value, token.shown)
    if not _TELLS.search(text):
        return text
    return _ASSIGNED.sub(lambda m: m.group(1) + _masked_once(m.group(2)), text)


def _masked_once(value: str) -> str:
    shown = "…(" in value or _PLACEHOLDER.match(value) or _REFERENCE.search(value)
    return value if shown or value.startswith("{") else mask(value)
