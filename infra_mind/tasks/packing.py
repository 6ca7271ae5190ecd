"""How large values lie in the store: one marker byte, then the bytes as they are or compressed with zstd.

Values up to a limit (256 KiB unless set otherwise) stay as they are: compressing them costs more time on the accept path than it
saves memory.
"""

from __future__ import annotations

import zstandard

COMPRESS_ABOVE = 256 * 1024
_PLAIN, _ZSTD = b"\x00", b"\x01"
_LEVEL = 3  # zstd's own default: several hundred MB/s on one core


def pack(data: bytes, above: int = COMPRESS_ABOVE) -> bytes:
    """`data` with its marker; over `above` bytes compressed, unless that would not make it smaller."""
    if len(data) > above:
        small = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
        if len(small) < len(data):
            return _ZSTD + small
    return _PLAIN + data


def unpack(packed: bytes) -> bytes:
    """What was packed. ValueError when the marker is unknown or the bytes are damaged."""
    marker, body = packed[:1], packed[1:]
    if marker == _PLAIN:
        return body
    if marker != _ZSTD:
        raise ValueError(f"unknown packing marker {marker!r}")
    try:
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged packed value: {error}") from error
