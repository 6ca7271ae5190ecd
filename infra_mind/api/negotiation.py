"""What a caller prefers: media types of `Accept`, and whether a body may be packed by `Accept-Encoding`."""

from __future__ import annotations

import gzip

_WORTH_PACKING = 16 * 1024  # bytes
_LEVEL = 5  # 4 MB of a report become a twentieth in some 20 ms: work for a thread


def preferred(header: str) -> list[str]:
    """What an `Accept` or `Accept-Encoding` header names, the most wanted first; those that are not wanted left out."""
    ranges = []
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            ranges.append((float(weight), name))
        except ValueError:
            continue
    return [name for weight, name in sorted(ranges, key=lambda one: -one[0]) if weight > 0]


def packed(body: bytes, encodings: str) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and the header that says so: gzip where that is wanted and saves something."""
    if len(body) < _WORTH_PACKING or "gzip" not in preferred(encodings):
        return body, {}
    return gzip.compress(body, _LEVEL, mtime=0), {"Content-Encoding": "gzip"}
