"""A receiver of webhooks that notes what it is told, and refuses every fourth message once, so that it is sent again."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra_mind.model.task import StartOptions
from tests.chaos.history import Delivery

OFFERED = "webhook_url" in StartOptions.model_fields


class Receiver:
    """Use as a context. `told` is every message that came, whether it was refused or not; `taken` the tasks that need no more."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.told: list[Delivery] = []
        self.taken: set[str] = set()
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(receiver.take(body["data"]["task_id"], self.headers["webhook-id"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer((address, 0), Handler)

    def take(self, task: str, webhook_id: str) -> int:
        with self._lock:
            self.told.append(Delivery(task, webhook_id))
            if len(self.told) % 4 == 0 and webhook_id not in self._refused:
                self._refused.add(webhook_id)
                return 503
            self.taken.add(task)
            return 204

    @property
    def heard(self) -> set[str]:
        """The tasks of which it was told, whether it took that or not."""
        with self._lock:
            return {one.task for one in self.told}

    @property
    def url(self) -> str:
        address, port = self._server.server_address[:2]
        return f"http://{address!s}:{port}/hook"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
