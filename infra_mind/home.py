"""The home directory: what `infra-mind up` leaves for the client and the command line. Readable by its owner only."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra_mind.settings import Settings

ENDPOINT = "endpoint.json"
KEY = "api.key"
STORE = "store.url"
LOCK = "up.lock"
_TAKE_S = 0.5  # a reader holds the lock for a moment, too


@dataclass(frozen=True)
class Endpoint:
    """Where a running `infra-mind up` listens. `pid` is its process; `ray_address` is for `ray job submit` and drivers."""

    url: str
    pid: int
    store_url: str = field(repr=False)
    dashboard_url: str | None = None
    ray_address: str | None = None


@dataclass(frozen=True)
class Home:
    path: Path

    @classmethod
    def of(cls, settings: Settings) -> Home:
        return cls(settings.home)

    def make(self) -> None:
        """Creates the directory with mode 0700."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def endpoint(self) -> Endpoint | None:
        """Of the running `infra-mind up`; None if there is none. What one left behind that was killed counts as none, also when
        its process id belongs to another program by now, as in a container that was started again."""
        try:
            endpoint = Endpoint(**json.loads((self.path / ENDPOINT).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return endpoint if self._taken() else None

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Holds this home for as long as the context, or the process, lives; False when somebody else holds it."""
        self.make()
        file = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            taken = _locked(file, fcntl.LOCK_EX, _TAKE_S)
            if taken:
                self.remove_endpoint()  # of one that was killed: it would count while this one starts
            yield taken
        finally:
            os.close(file)

    def _taken(self) -> bool:
        try:
            file = os.open(self.path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _locked(file, fcntl.LOCK_SH, 0.0)
        finally:
            os.close(file)

    def write_endpoint(self, endpoint: Endpoint) -> None:
        self._write(ENDPOINT, json.dumps(asdict(endpoint), indent=1))

    def remove_endpoint(self) -> None:
        (self.path / ENDPOINT).unlink(missing_ok=True)

    def api_key(self) -> str | None:
        """The key that `infra-mind up` made; None if there is none."""
        try:
            return (self.path / KEY).read_text().strip() or None
        except OSError:
            return None

    def write_api_key(self, plain: str) -> None:
        self._write(KEY, plain + "\n")

    def store_url(self) -> str | None:
        """Of the store that `infra-mind up` or a cluster's store keeper runs from here; None if there is none."""
        endpoint = self.endpoint()
        if endpoint:
            return endpoint.store_url
        try:
            return (self.path / STORE).read_text().strip() or None
        except OSError:
            return None

    def write_store_url(self, url: str) -> None:
        self._write(STORE, url + "\n")

    def _write(self, name: str, text: str) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        self.make()
        fresh = self.path / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        fresh.replace(self.path / name)


def _locked(file: int, kind: int, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True
