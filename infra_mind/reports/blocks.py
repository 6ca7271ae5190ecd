"""What a document is made of. Blocks hold text as it is; whoever prints them escapes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """`level` 1 is the title of the report."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """`prose`: a sentence of ours, in which what stands between backticks is code."""

    text: str
    prose: bool = False


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]
    prose: bool = False


@dataclass(frozen=True)
class Table:
    """`numeric`: indices of the columns that hold numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Code:
    """Lines that are kept as they are; `language` as a fence names it."""

    text: str
    language: str = ""


Block = Heading | Paragraph | Bullets | Table | Code
