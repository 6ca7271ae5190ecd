"""A real HTTP server in a thread that answers as it is told: for the client's tests, with no mock of httpx."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One answer. `status` 0 closes the connection without one."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class SmallServer:
    """Gives the answers told with `tell`, in order; the last one again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers: list[Told] = []
        self._mutex = threading.Lock()

    def tell(self, *answers: Told) -> None:
        self._answers = list(answers)

    def answer(self, asked: Asked) -> Told:
        with self._mutex:
            self.asked.append(asked)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def small_server() -> Iterator[SmallServer]:
    server = SmallServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server.answer)) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def _handler(answer: Callable[[Asked], Told]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = answer(
                Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            )
            self.close_connection = True
            if told.status == 0:
                return
            self.send_response(told.status)
            data = told.text.encode() if told.text is not None else json.dumps(told.body).encode()
            if told.status == 204:
                data = b""
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Handler
