"""The home directory: what `infra-mind up` leaves for the client and the command line. Readable by its owner only."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra_mind.settings import Settings

ENDPOINT = "endpoint.json"
KEY = "api.key"


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
        """Of the running `infra-mind up`; None if there is none (a file of a dead process counts as none)."""
        try:
            endpoint = Endpoint(**json.loads((self.path / ENDPOINT).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return endpoint if _alive(endpoint.pid) else None

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

    def _write(self, name: str, text: str) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        self.make()
        fresh = self.path / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        fresh.replace(self.path / name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
