"""Object storage for what is too large for the store: `file://`, `s3://`, `gs://`, `az://`, and `memory://` for this process.

Objects are written once and never changed; whoever names one knows its size and SHA-256 (see `stowage.py`). Credentials come
from the environment, as the clouds' own tools read them (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, ...), never from the URL.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from infra_mind.errors import InfraMindError, OptionInvalid, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

OPTION = "INFRA_MIND_OBJECTS_URL"
SCHEMES = ("file", "s3", "gs", "az", "memory")
# The runner tries again by itself, under its lease: the client's own patience (ten tries in three minutes) would hide that.
_RETRY: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
_CLIENT: Any = {"timeout": "60s", "connect_timeout": "3s"}


class ObjectsRefused(InfraMindError):  # noqa: N818 - named as the tree in errors.py is
    """The object storage will not take it, now or later: a wrong bucket, no permission. Trying again does not help."""


class Objects:
    """One object storage. Nothing is opened before the first call, so that it belongs to the process that uses it.

    Raises OptionInvalid for a URL that it cannot be."""

    def __init__(self, url: str) -> None:
        self.url = checked_url(url)
        self._store: ObjectStore | None = None
        self._folder = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None

    async def put(self, name: str, data: bytes) -> None:
        """Returns when the object is there, whole; a file is on disk then. Unavailable; ObjectsRefused."""
        import obstore

        try:
            # one request: what is broken off leaves no parts behind
            await obstore.put_async(self._opened(), name, data, use_multipart=False)
            if self._folder is not None:
                await asyncio.to_thread(_to_disk, self._folder, name)
        except Exception as error:
            raise _translated(error, "take") from error

    async def get(self, name: str) -> bytes | None:
        """The object's bytes; None when it is not there. Unavailable; ObjectsRefused."""
        import obstore

        try:
            found = await obstore.get_async(self._opened(), name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _translated(error, "give") from error

    async def delete(self, name: str) -> None:
        """It is not there afterwards, nor what a broken-off write of it left. Unavailable; ObjectsRefused."""
        import obstore

        try:
            if self._folder is not None:
                await asyncio.to_thread(_remove_drafts, self._folder, name)
            await obstore.delete_async(self._opened(), name)
        except FileNotFoundError:
            return
        except Exception as error:
            raise _translated(error, "remove") from error

    def _opened(self) -> ObjectStore:
        if self._store is None:
            self._store = self._open()
        return self._store

    def _open(self) -> ObjectStore:
        from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return LocalStore(self._folder)
        kinds: dict[str, Any] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
        kind = kinds.get(urlsplit(self.url).scheme)
        if kind is None:
            return MemoryStore()
        client = dict(_CLIENT)
        if os.environ.get("AWS_ENDPOINT", "").startswith("http://"):  # an S3 server of one's own
            client["allow_http"] = True
        opened: ObjectStore = kind.from_url(self.url, client_options=client, retry_config=_RETRY)
        return opened


def checked_url(url: str) -> str:
    """`url`; OptionInvalid unless it names a place of a known kind without credentials in it."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise OptionInvalid(
            OPTION, f"it must begin with one of {', '.join(f'{one}://' for one in SCHEMES[:-1])}"
        )
    if parts.username or parts.password or parts.query:
        raise OptionInvalid(OPTION, "credentials and options belong into the environment, not into the URL")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise OptionInvalid(OPTION, "a folder is given by its whole path, file:///var/lib/infra-mind")
    if parts.scheme in {"s3", "gs", "az"} and not parts.netloc:
        raise OptionInvalid(OPTION, f"{parts.scheme}:// needs the name of a bucket")
    return url


def _translated(error: Exception, verb: str) -> InfraMindError:
    """The client's long texts hold URLs and answers of servers: only the kind of the error is told."""
    from obstore import exceptions

    refusals = (
        FileNotFoundError,  # on a write: there is no such bucket
        PermissionError,
        exceptions.PermissionDeniedError,
        exceptions.UnauthenticatedError,
        exceptions.InvalidPathError,
        exceptions.UnknownConfigurationKeyError,
    )
    what = f"The object storage does not {verb} it ({type(error).__name__})"
    if isinstance(error, refusals):
        return ObjectsRefused(f"{what}: check {OPTION}, the bucket and its permissions.")
    return Unavailable(f"{what}: it is away, full or slow.")


def _to_disk(folder: Path, name: str) -> None:
    """The record that points to a file must not outlive it in a power cut."""
    for path in (folder / name, folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_drafts(folder: Path, name: str) -> None:
    """A file is written beside its place as `<name>#<number>` and then renamed; kill -9 in between leaves that."""
    for draft in folder.glob(f"{name}#*"):
        draft.unlink(missing_ok=True)
