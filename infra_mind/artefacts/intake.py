"""The door: files from a folder, inline texts or a zip become artefacts, or are refused with the limit that they break.

Nothing that comes in is trusted: neither its path, nor its declared size, nor that it is text.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from infra_mind.artefacts import detection, downloaded, plan
from infra_mind.artefacts.detection import FileKind
from infra_mind.errors import ArtefactRefused, BadInput, FileLeftOut, TooLarge
from infra_mind.model.inventory import HAND_IN_A_PLAN, STATE, TOO_LARGE, Artefact
from infra_mind.settings import IntakeLimits

SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".terraform", ".terragrunt-cache", "node_modules", ".venv", "venv", "__pycache__"}
)
_DRIVE = re.compile(r"[A-Za-z]:")
_DATA = ".terraform"
_LONGEST_INDEX = 2 * 1024 * 1024
_WITH_STATE = 4  # times the limit of a file, that a plan may have before the state in it is taken out
_CHUNK = 64 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # so the `>` of PowerShell writes what a program prints


def safe_path(path: str, limits: IntakeLimits | None = None) -> str:
    """The path as a relative one with forward slashes; raises `ArtefactRefused` if it is not one on every system."""
    limits = limits or IntakeLimits()
    shown = path[:80]
    if len(path) > limits.max_path:
        raise ArtefactRefused(shown, f"the path is longer than {limits.max_path} characters")
    if not path or any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in path):
        raise ArtefactRefused(repr(shown), "a path must not be empty and must not hold control characters")
    if "\\" in path:
        raise ArtefactRefused(shown, "write the path with forward slashes")
    if path.startswith("/") or _DRIVE.match(path):
        raise ArtefactRefused(shown, "the path must be relative")
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts:
        raise ArtefactRefused(shown, "the path must not lead outside the folder ('..')")
    return "/".join(parts)


def check(artefacts: Sequence[Artefact], limits: IntakeLimits | None = None) -> None:
    """Raises `ArtefactRefused` (a path, a double) or `TooLarge` (a count or size) for the first limit that is broken."""
    limits = limits or IntakeLimits()
    _check_count(len(artefacts), limits)
    total, seen = 0, set()
    for artefact in artefacts:
        if safe_path(artefact.path, limits) != artefact.path:
            raise ArtefactRefused(artefact.path, "the path is not in its plain form (no './', no '//')")
        if artefact.path in seen:
            raise ArtefactRefused(artefact.path, "handed in twice under the same path")
        seen.add(artefact.path)
        size = len(artefact.content.encode("utf-8", "surrogatepass")) if artefact.content is not None else 0
        _check_size(artefact.path, size, limits)
        total = _check_total(artefact.path, total + size, limits)


def from_bytes(path: str, data: bytes) -> Artefact:
    """The artefact of raw bytes: its text, or the reason why it has none."""
    if detection.kind_of(path) is FileKind.STATE:
        return _state(path)
    if data[:2] in _UTF_16 and path.lower().endswith(".json"):
        data = data.decode("utf-16", "replace").encode()
    if b"\0" in data[:8192]:
        return Artefact(path=path, problem="a binary file")
    try:
        return without_state(Artefact(path=path, content=data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        return Artefact(path=path, problem=f"not valid UTF-8 (byte {error.start})")


def without_state(artefact: Artefact) -> Artefact:
    """The artefact; of a Terraform state nothing but its path, since it holds secrets in the clear, and a plan without the state in it."""
    if artefact.content is None:
        return artefact
    if detection.is_state(artefact.path, artefact.content):
        return _state(artefact.path)
    if (
        artefact.path.lower().endswith(".json")
        and (text := plan.without_state(artefact.content)) != artefact.content
    ):
        return artefact.model_copy(update={"content": text})
    return artefact


def _state(path: str) -> Artefact:
    return Artefact(path=path, problem=f"{STATE}; {HAND_IN_A_PLAN}")


def from_inline(files: Iterable[tuple[str, str]], limits: IntakeLimits | None = None) -> tuple[Artefact, ...]:
    """Artefacts from (path, text) pairs, sorted by path. A text that cannot be UTF-8 becomes a problem, not an error."""
    limits = limits or IntakeLimits()
    found = []
    for path, text in files:
        try:
            text.encode("utf-8")
            found.append(without_state(Artefact(path=safe_path(path, limits), content=text)))
        except UnicodeEncodeError:
            found.append(Artefact(path=safe_path(path, limits), problem="not valid UTF-8 (a lone surrogate)"))
    return _in_order(found, limits)


def collect(root: Path | Sequence[Path], limits: IntakeLimits | None = None) -> tuple[Artefact, ...]:
    """Artefacts of a folder, or of a list of files and folders, sorted by path.

    In a folder only what `detection.is_wanted` knows is taken; a file that is named is always taken, and one that is reached twice is
    taken once. Of several folders each has its own name before its paths, as much of its path as tells it from the others
    (`shop/infra/main.tf`, `bank/infra/main.tf`). A file of a folder that is over the size limit becomes one without content, which the
    result names, and a `FileLeftOut` warning; so does a Terraform state, which holds secrets. Raises `BadInput` when a path does not exist, `ArtefactRefused` for a link that leaves
    its folder, `TooLarge` for a named file or a sum over a limit."""
    limits = limits or IntakeLimits()
    roots = [root] if isinstance(root, Path) else list(root)
    found: list[Artefact] = []
    total = 0
    for path, file, is_named in _files_of(roots):
        _check_count(len(found) + 1, limits)
        safe = safe_path(path, limits)
        if detection.kind_of(safe) is FileKind.STATE:
            found.append(_left_out(safe, f"{STATE}; {HAND_IN_A_PLAN}"))
            continue
        try:
            with file.open("rb") as stream:
                data = stream.read(
                    limits.max_file * (_WITH_STATE if safe.lower().endswith(".json") else 1) + 1
                )
        except OSError as error:
            found.append(
                Artefact(path=safe, problem=f"cannot be opened: {error.strerror or type(error).__name__}")
            )
            continue
        artefact = from_bytes(safe, data)
        size = len(data) if artefact.content is None else len(artefact.content.encode())
        if size > limits.max_file and not is_named:
            found.append(_left_out(safe, f"{TOO_LARGE} of {limits.max_file} bytes for one file"))
            continue
        _check_size(safe, size, limits)
        total = _check_total(safe, total + size, limits)
        is_state = (artefact.problem or "").startswith(STATE)
        found.append(_left_out(safe, artefact.problem or "") if is_state else artefact)
    return _in_order(found, limits)


def _left_out(path: str, problem: str) -> Artefact:
    warnings.warn(f"{path}: {problem}; it is left out, and the result says so", FileLeftOut, stacklevel=4)
    return Artefact(path=path, problem=problem)


def _files_of(roots: Sequence[Path]) -> Iterator[tuple[str, Path, bool]]:
    """Path, file, and whether the file itself was named."""
    seen: set[Path] = set()
    found: Iterator[tuple[str, Path]]
    for root, label in zip(roots, _labels(roots), strict=True):
        if root.is_dir():
            found = ((f"{label}/{path}" if label else path, file) for path, file in _files_below(root))
        elif root.is_file():
            found = iter([(label, root)])
        else:
            raise BadInput(f"The artefacts {root} do not exist: name a folder or a file that is there.")
        for path, file in found:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield path, file, root == file


def _labels(roots: Sequence[Path]) -> list[str]:
    """What stands for each root in the paths of its files: nothing for a folder alone, else its name, and of those that share a name
    as many of the folders above as it takes to tell them apart."""
    if len(roots) == 1 and roots[0].is_dir():
        return [""]
    real = [root.resolve() for root in roots]
    labels = [
        root.as_posix() if not root.is_dir() and _is_plain(root) else path.name
        for root, path in zip(roots, real, strict=True)
    ]
    return [
        label if not _shared(nth, label, labels, real) else _tail(real[nth], real)
        for nth, label in enumerate(labels)
    ]


def _shared(nth: int, label: str, labels: Sequence[str], real: Sequence[Path]) -> bool:
    return any(
        other == label and path != real[nth] for other, path in zip(labels, real, strict=True)
    )  # fmt: skip


def _tail(path: Path, others: Sequence[Path]) -> str:
    """The shortest end of `path` that no other has."""
    parts = path.parts[1:]
    for length in range(1, len(parts)):
        tail = parts[-length:]
        if not any(other != path and other.parts[-length:] == tail for other in others):
            return "/".join(tail)
    return "/".join(parts)


def _is_plain(path: Path) -> bool:
    return not path.is_absolute() and not path.drive and ".." not in path.parts


def _files_below(root: Path) -> Iterator[tuple[str, Path]]:
    real_root = root.resolve()
    for folder, folders, files in os.walk(root):
        kept = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        here = Path(folder)
        linked = [f for f in kept if (here / f).is_symlink()]
        for name in linked:
            _stay_inside(here / name, real_root, root)
        if _DATA in folders:
            yield from _downloaded(here, root, real_root)
        folders[:] = [f for f in kept if f not in linked]  # os.walk does not follow links: no cycles
        for name in sorted(files):
            file = here / name
            relative = file.relative_to(root).as_posix()
            if not detection.is_wanted(relative):
                continue
            _stay_inside(file, real_root, root)
            if file.is_file():
                yield relative, file


def _downloaded(configuration: Path, root: Path, real_root: Path) -> Iterator[tuple[str, Path]]:
    """The modules that `terraform init` has put below a configuration, as its index names them; what lies elsewhere, or leads
    there by a link, is not looked at."""
    index = configuration / downloaded.INDEX
    below = (configuration / downloaded.FOLDER).resolve()
    if not below.is_relative_to(real_root) or index.resolve().parent != below or not index.is_file():
        return
    try:
        with index.open("rb") as stream:
            text = stream.read(_LONGEST_INDEX).decode("utf-8-sig", "replace")
    except OSError:
        return
    relative = index.relative_to(root).as_posix()
    named = {module.folder for module in downloaded.modules(relative, text).values()}
    packages = {downloaded.package_of(folder) for folder in named}
    files = [f for folder in sorted(named) for f in _files_in(root / folder, (".tf", ".tf.json"))]
    files += [
        f
        for folder in sorted(named | packages)
        for f in _files_in(root / folder / "templates", detection.TEMPLATES)
    ]
    yield relative, index
    for file in files:
        if file.resolve().is_relative_to(below):
            yield file.relative_to(root).as_posix(), file


def _files_in(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    try:
        return sorted(f for f in folder.iterdir() if f.name.endswith(endings) and f.is_file())
    except OSError:
        return []


def _stay_inside(path: Path, real_root: Path, root: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(real_root):
        raise ArtefactRefused(path.relative_to(root).as_posix(), "a link that leads outside the folder")


def from_zip(data: bytes, limits: IntakeLimits | None = None) -> tuple[Artefact, ...]:
    """Artefacts of a zip archive, sorted by path. Declared sizes are not trusted; an archive inside is not opened.

    Raises `ArtefactRefused` for a broken or encrypted archive, an unsafe path or a link in it, `TooLarge` over a limit."""
    limits = limits or IntakeLimits()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            _check_count(len(entries), limits)
            return _in_order(list(_from_entries(archive, entries, len(data), limits)), limits)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArtefactRefused("archive.zip", f"not a readable zip archive ({error})") from error


def _from_entries(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], packed: int, limits: IntakeLimits
) -> Iterator[Artefact]:
    total = 0
    for entry in entries:
        path = _entry_path(entry, limits)
        if SKIPPED_FOLDERS & set(path.split("/")[:-1]) or not detection.is_wanted(path):
            continue
        content = _read_entry(archive, entry, path, limits)
        total = _check_total(path, total + len(content), limits)
        if total > _CHUNK and total > limits.max_zip_ratio * max(packed, 1):
            raise TooLarge(
                f"{path}: the archive unpacks to more than {limits.max_zip_ratio:g} times its size."
            )
        yield from_bytes(path, content)


def _entry_path(entry: zipfile.ZipInfo, limits: IntakeLimits) -> str:
    # `orig_filename`: ZipInfo has already cut the name at a NUL and turned the separators of this system
    path = safe_path(entry.orig_filename, limits)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArtefactRefused(path, "a link in the archive")
    if entry.flag_bits & 0x1:
        raise ArtefactRefused(path, "encrypted; send the archive without a password")
    return path


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, limits: IntakeLimits) -> bytes:
    pieces, size = [], 0
    with archive.open(entry) as stream:
        while piece := stream.read(_CHUNK):
            size += len(piece)
            _check_size(path, size, limits)
            if size > _CHUNK and size > limits.max_zip_ratio * max(entry.compress_size, 1):
                raise TooLarge(
                    f"{path}: unpacks to more than {limits.max_zip_ratio:g} times its packed size."
                )
            pieces.append(piece)
    return b"".join(pieces)


def _in_order(found: list[Artefact], limits: IntakeLimits) -> tuple[Artefact, ...]:
    artefacts = tuple(sorted(found, key=lambda a: a.path))
    check(artefacts, limits)
    return artefacts


def _check_count(count: int, limits: IntakeLimits) -> None:
    if count > limits.max_files:
        raise TooLarge(f"More than {limits.max_files} files were handed in; send fewer or a smaller folder.")


def _check_size(path: str, size: int, limits: IntakeLimits) -> None:
    if size > limits.max_file:
        raise TooLarge(f"{path}: {TOO_LARGE} of {limits.max_file} bytes for one file.")


def _check_total(path: str, total: int, limits: IntakeLimits) -> int:
    if total > limits.max_total:
        raise TooLarge(
            f"{path}: with it the files are larger than the limit of {limits.max_total} bytes in all."
        )
    return total
