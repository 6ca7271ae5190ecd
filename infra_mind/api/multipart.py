"""multipart/form-data (RFC 7578) from bytes to parts: synchronous, in memory, so that it can run off the event loop.

Nothing is written to disk: the body is bounded before it gets here, and artefacts may hold secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from infra_mind.errors import BadInput, TooLarge


@dataclass
class Part:
    """One part. `filename` is as it was sent: untrusted, None for a plain field."""

    name: str = ""
    filename: str | None = None
    content_type: str = ""
    data: bytearray = field(default_factory=bytearray)


def parts_of(body: bytes, content_type: str, *, max_parts: int) -> list[Part]:
    """The parts in order. Raises BadInput for a body that is no whole multipart message and TooLarge over `max_parts`."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadInput("The Content-Type of a multipart body must name its boundary")
    reader = _Reader(max_parts)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type] # a TypedDict of the same names
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise BadInput(f"The multipart body is malformed: {error}") from None
    if not reader.ended:
        raise BadInput("The multipart body ends before its closing boundary")
    return reader.parts


class _Reader:
    """Collects what the parser calls back with."""

    def __init__(self, max_parts: int) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._max_parts = max_parts
        self._header = bytearray()
        self._value = bytearray()

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_of_header,
            "on_part_data": self._on_data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= self._max_parts:
            raise TooLarge(f"The multipart body has more than {self._max_parts} parts")
        self.parts.append(Part())

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_of_header(self) -> None:
        name, value = self._header.decode("latin-1").lower(), _text(bytes(self._value))
        self._header.clear()
        self._value.clear()
        part = self.parts[-1]
        if name == "content-type":
            part.content_type = value.partition(";")[0].strip().lower()
        elif name == "content-disposition":
            part.name, part.filename = _disposition(value)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def _end(self) -> None:
        self.ended = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _disposition(value: str) -> tuple[str, str | None]:
    # The library takes and gives Latin-1; names are UTF-8 (RFC 7578, 5.1), so they travel through it as bytes.
    _, options = parse_options_header(value.encode("utf-8").decode("latin-1"))
    filename = options.get(b"filename")
    return _text(options.get(b"name", b"")), None if filename is None else _text(filename)
