"""The error tree. Every error says what happened and what the person can do about it.

InfraMindError
├── BadInput                the brief, a file or an option is wrong: nothing was accepted
│   ├── BriefInvalid        fields of the brief, each with path, problem and hint
│   ├── ArtefactRefused     an artefact that breaks a limit or cannot be a safe path
│   └── OptionInvalid       an option of the call or of the command line
├── NotAllowed              no key, a wrong key or an expired one
├── NotFound                no such task or assessment for this caller
├── Conflict                the state does not allow it (result too early, cancelled twice)
├── Gone                    it was there and has expired
├── ResultLost              a result was committed, and the object that holds it is missing or damaged
├── TooMany                 over a limit; `retry_after_s` says when to come back
├── TooLarge                the request is over the size limit
├── Unavailable             the store or the server is away; `retry_after_s` says when to come back
└── TaskFailed              the assessment itself ended as FAILURE or REVOKED
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class InfraMindError(Exception):
    """Root of all errors of this package. `str()` is one sentence a person can act on."""


class BadInput(InfraMindError):
    """What was handed in is wrong; nothing was accepted and nothing was lost."""


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one field: `path` is dotted (`hosting.nodes.0.count`)."""

    path: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.problem}" if self.path else self.problem
        return f"{text} ({self.hint})" if self.hint else text


class BriefInvalid(BadInput):
    """The brief breaks its contract. `problems` lists every field, not only the first."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The brief is not valid: " + "; ".join(str(p) for p in self.problems))


class ArtefactRefused(BadInput):
    """A file that is over a limit, unsafe or unreadable. `path` names it as it was handed in."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class FileLeftOut(UserWarning):
    """A file of a folder that cannot be sent; the rest is, and the result names the file as not assessed."""


class OptionInvalid(BadInput):
    """An option has a value it cannot have."""

    def __init__(self, option: str, reason: str) -> None:
        self.option, self.reason = option, reason
        super().__init__(f"{option}: {reason}" if option else reason)


class NotAllowed(InfraMindError):
    """No API key, a wrong one, a revoked one or an expired one."""


class NotFound(InfraMindError):
    """No such thing for this caller; another tenant's is not told apart from none."""


class Conflict(InfraMindError):
    """The state does not allow the call. `state` is the state it found."""

    def __init__(self, message: str, state: str = "") -> None:
        self.state = state
        super().__init__(message)


class Gone(InfraMindError):
    """It was there, its time is over."""


class ResultLost(InfraMindError):
    """A result's object is missing from the object storage, or damaged, before its time."""


class TooMany(InfraMindError):
    """A limit of the caller is used up; come back in `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class TooLarge(BadInput):
    """The request or a part of it is over the size limit."""


class Unavailable(InfraMindError):
    """Store or server cannot be reached now; try again in `retry_after_s` seconds.

    Whether the call took effect is not known (an answer can get lost): repeat it with the same idempotency key."""

    def __init__(self, message: str, retry_after_s: float = 2.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class TaskFailed(InfraMindError):
    """The task ended without a result: `state` is FAILURE or REVOKED, `error_type` as the engine recorded it."""

    def __init__(self, message: str, state: str, error_type: str = "") -> None:
        self.state, self.error_type = state, error_type
        super().__init__(message)
