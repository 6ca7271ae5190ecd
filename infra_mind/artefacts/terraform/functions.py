"""Terraform's functions, as far as files alone decide them. Those that are not here give an unknown.

Source of what they do: developer.hashicorp.com/terraform/language/functions, 2025. Left out on purpose: regular
expressions (a hostile one can run for ever here, not in Terraform's engine), clocks and random numbers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import math
import posixpath
import re
from collections.abc import Callable
from typing import Any

import yaml as pyyaml

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.artefacts.terraform import collection_functions as collection
from infra_mind.artefacts.terraform.values import (
    MAX_TEXT,
    EvaluationError,
    Unknown,
    as_boolean,
    as_list,
    as_map,
    as_number,
    as_set,
    as_text,
    cost_of,
    distinct,
    encoded,
    first_unknown,
)
from infra_mind.artefacts.yaml import load as load_yaml

_VERB = re.compile(r"%(%|[-+#0 ]*(\d*)(?:\.(\d+))?([sdvqtfxXob]))")
_WIDEST = 200


def call(name: str, arguments: list[Any]) -> Any:
    """The function's value. Raises `EvaluationError` where Terraform would refuse the arguments."""
    name = name.removeprefix("core::")
    function = _STRICT.get(name) or _PARTIAL.get(name)
    if function is None:
        return Unknown(f"{name}()")
    unknown = first_unknown(arguments) if name in _STRICT else _whole_unknown(arguments)
    if unknown:
        return unknown
    try:
        return function(*arguments)
    except EvaluationError:
        raise
    except (
        TypeError,
        ValueError,
        IndexError,
        KeyError,
        ArithmeticError,
        RecursionError,
        Unreadable,
        binascii.Error,
    ) as error:
        raise EvaluationError(f"{name}() cannot take these arguments") from error


def _whole_unknown(arguments: list[Any]) -> Unknown | None:
    return next((a for a in arguments if isinstance(a, Unknown)), None)


def _limited(length: int) -> None:
    if length > MAX_TEXT:
        raise EvaluationError("the result is too large")


def _join(separator: Any, *lists: Any) -> str:
    texts = [as_text(v) for each in lists for v in as_list(each)]
    _limited(sum(map(len, texts)) + len(as_text(separator)) * len(texts))
    return as_text(separator).join(texts)


def _split(separator: Any, text: Any) -> list[str]:
    return as_text(text).split(as_text(separator)) if separator else list(as_text(text))


def _replace(text: Any, old: Any, new: Any) -> Any:
    text, old, new = as_text(text), as_text(old), as_text(new)
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return Unknown("replace() with a regular expression")
    _limited(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _format(pattern: Any, *arguments: Any) -> str:
    left = list(arguments)

    def put(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        if int(match[2] or 0) > _WIDEST or int(match[3] or 0) > _WIDEST:
            raise EvaluationError("format() that is too wide")
        return _verb(match, left.pop(0))

    return _VERB.sub(put, as_text(pattern))


def _verb(match: re.Match[str], value: Any) -> str:
    verb = match[4]
    plain = match[0][:-1]
    if verb in "dxXob":
        number = int(as_number(value))
        return f"{number:b}" if verb == "b" else (plain + verb) % number
    if verb == "f":
        return (plain + "f") % as_number(value)
    if verb == "q":
        return json.dumps(as_text(value), ensure_ascii=False)
    text = encoded(value) if isinstance(value, list | dict) or value is None else as_text(value)
    return (plain + "s") % text


def _formatlist(pattern: Any, *arguments: Any) -> list[str]:
    length = max((len(a) for a in arguments if isinstance(a, list)), default=1)
    return [_format(pattern, *(a[i] if isinstance(a, list) else a for a in arguments)) for i in range(length)]


def _substr(text: Any, offset: Any, length: Any) -> str:
    start, size = int(as_number(offset)), int(as_number(length))
    whole = as_text(text)
    start = max(len(whole) + start, 0) if start < 0 else start
    return whole[start:] if size < 0 else whole[start : start + size]


def _indent(spaces: Any, text: Any) -> str:
    width = int(as_number(spaces))
    if not 0 <= width <= _WIDEST:
        raise EvaluationError("indent() that is too wide")
    lines = as_text(text)
    _limited(len(lines) + lines.count("\n") * width)
    return lines.replace("\n", "\n" + " " * width)


def _title(text: Any) -> str:
    return re.sub(r"(^|\s)(\S)", lambda m: m[1] + m[2].upper(), as_text(text))


def _numbers(values: tuple[Any, ...]) -> list[int | float]:
    return [as_number(v) for v in values]


def _pow(base: Any, exponent: Any) -> float | int:
    result = math.pow(as_number(base), as_number(exponent))
    return int(result) if result.is_integer() and abs(result) < 2**53 else result


def _parseint(text: Any, base: Any) -> int:
    if len(as_text(text)) > 64:
        raise EvaluationError("parseint() of a text that is too long")
    return int(as_text(text), int(as_number(base)))


def _cidrsubnet(prefix: Any, bits: Any, number: Any) -> str:
    network, width, wanted = (
        ipaddress.ip_network(as_text(prefix), strict=False),
        int(as_number(bits)),
        int(as_number(number)),
    )
    length = network.prefixlen + width
    if width < 0 or length > network.max_prefixlen or not 0 <= wanted < 2**width:
        raise EvaluationError("cidrsubnet() outside its prefix")
    start = int(network.network_address) + (wanted << (network.max_prefixlen - length))
    return f"{type(network.network_address)(start)}/{length}"


def _cidrsubnets(prefix: Any, *bits: Any) -> list[str]:
    network = ipaddress.ip_network(as_text(prefix), strict=False)
    at, found = int(network.network_address), []
    for width in _numbers(bits):
        length = network.prefixlen + int(width)
        if not network.prefixlen <= length <= network.max_prefixlen:
            raise EvaluationError("cidrsubnets() outside its prefix")
        size = 1 << (network.max_prefixlen - length)
        at = -(-at // size) * size
        found.append(f"{type(network.network_address)(at)}/{length}")
        at += size
    return found


def _cidrhost(prefix: Any, number: Any) -> str:
    network = ipaddress.ip_network(as_text(prefix), strict=False)
    return str(network[int(as_number(number))])


def _yamlencode(value: Any) -> str:
    text: str = pyyaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=10_000)
    return text


def _same_type(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _digest(algorithm: str) -> Callable[[Any], str]:
    return lambda text: hashlib.new(algorithm, as_text(text).encode(), usedforsecurity=False).hexdigest()


def _base64decode(text: Any) -> str:
    return base64.b64decode(as_text(text), validate=True).decode()


def _pathexpand(path: Any) -> Any:
    """The home folder is that of whoever applies."""
    text = as_text(path)
    return Unknown("pathexpand()") if text.startswith("~") else text


# Functions that look into their arguments: all must be known
_STRICT: dict[str, Callable[..., Any]] = {
    "abs": lambda v: abs(as_number(v)),
    "alltrue": lambda v: all(as_boolean(x) for x in as_list(v)),
    "anytrue": lambda v: any(as_boolean(x) for x in as_list(v)),
    "base64decode": _base64decode,
    "base64encode": lambda v: base64.b64encode(as_text(v).encode()).decode(),
    "basename": lambda v: posixpath.basename(as_text(v)),
    "ceil": lambda v: math.ceil(as_number(v)),
    "chomp": lambda v: as_text(v).rstrip("\r\n"),
    "cidrhost": _cidrhost,
    "cidrnetmask": lambda v: str(ipaddress.IPv4Network(as_text(v), strict=False).netmask),
    "cidrsubnet": _cidrsubnet,
    "cidrsubnets": _cidrsubnets,
    "contains": collection.contains,
    "dirname": lambda v: posixpath.dirname(as_text(v)) or ".",
    "endswith": lambda v, s: as_text(v).endswith(as_text(s)),
    "floor": lambda v: math.floor(as_number(v)),
    "format": _format,
    "formatlist": _formatlist,
    "indent": _indent,
    "index": collection.index,
    "join": _join,
    "jsondecode": lambda v: load_json(v),
    "lower": lambda v: as_text(v).lower(),
    "max": lambda *v: max(_numbers(v)),
    "md5": _digest("md5"),
    "min": lambda *v: min(_numbers(v)),
    "parseint": _parseint,
    "pathexpand": _pathexpand,
    "pow": _pow,
    "range": collection.range_,
    "replace": _replace,
    "setintersection": collection.setintersection,
    "setsubtract": collection.setsubtract,
    "setunion": lambda *v: as_set(collection.concat(*v)),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "signum": lambda v: (as_number(v) > 0) - (as_number(v) < 0),
    "sort": lambda v: sorted(as_text(x) for x in as_list(v)),
    "split": _split,
    "startswith": lambda v, s: as_text(v).startswith(as_text(s)),
    "strcontains": lambda v, s: as_text(s) in as_text(v),
    "strrev": lambda v: as_text(v)[::-1],
    "substr": _substr,
    "sum": lambda v: sum(_numbers(tuple(as_list(v)))),
    "title": _title,
    "tobool": _same_type(as_boolean),
    "tonumber": _same_type(as_number),
    "tostring": _same_type(as_text),
    "transpose": collection.transpose,
    "trim": lambda v, s: as_text(v).strip(as_text(s)),
    "trimprefix": lambda v, s: as_text(v).removeprefix(as_text(s)),
    "trimspace": lambda v: as_text(v).strip(),
    "trimsuffix": lambda v, s: as_text(v).removesuffix(as_text(s)),
    "upper": lambda v: as_text(v).upper(),
    "yamldecode": lambda v: load_yaml(as_text(v), name="yamldecode()"),
    "yamlencode": _yamlencode,
}

# Functions that carry unknown parts along
_PARTIAL: dict[str, Callable[..., Any]] = {
    "chunklist": collection.chunklist,
    "coalesce": collection.coalesce,
    "coalescelist": collection.coalescelist,
    "compact": lambda v: [x for x in as_list(v) if x not in (None, "")],
    "concat": collection.concat,
    "distinct": lambda v: distinct(as_list(v)),
    "element": collection.element,
    "flatten": collection.flatten,
    "jsonencode": encoded,
    "keys": lambda v: sorted(as_map(v)),
    "length": collection.length,
    "list": lambda *v: list(v),
    "lookup": collection.lookup,
    "map": lambda *v: dict(zip(map(as_text, v[::2]), v[1::2], strict=True)),
    "matchkeys": collection.matchkeys,
    "merge": collection.merge,
    "nonsensitive": lambda v: v,
    "one": collection.one,
    "reverse": lambda v: as_list(v)[::-1],
    "sensitive": lambda v: v,
    "setproduct": collection.setproduct,
    "slice": collection.slice_,
    "tolist": lambda v: None if v is None else as_list(v),
    "tomap": lambda v: None if v is None else as_map(v),
    "toset": lambda v: None if v is None else as_set(v),
    "values": lambda v: as_list(as_map(v)),
    "zipmap": collection.zipmap,
}


def load_json(text: Any) -> Any:
    """`jsondecode`: data of at most `MAX_NODES` values. A text with several equal keys keeps the last, as Terraform does."""
    value = json.loads(as_text(text), parse_constant=lambda _: None)
    if cost_of(value) is None:
        raise EvaluationError("jsondecode() of a value that is too large")
    return value
