"""Rule sets from outside: a folder, a zip, or the address of one, as plain files in memory.

In: where they are. Out: their rule files and licences by relative name. Nothing of them is run, linked to or
written here; sizes and counts are capped before anything is kept, so that a hostile archive costs an error.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from xdrtui.errors import RuleError

FILES = 20_000
ENTRIES = 10 * FILES
DIRECTORY_BYTES = 64 << 20
"""The most files that a zip may list, rules or not, and how long that list may be."""

FILE_BYTES = 4_000_000
TOTAL_BYTES = 200_000_000
DOWNLOAD_BYTES = 200_000_000
RATIO = 200
SECONDS = 30.0
_SIZE, _PLACE, _LONG, _LONG_END, _ENTRY = 5, 9, b"PK\x06\x06", 56 + 20, 46
"""Of what `zipfile` reads of the end of an archive: where the length of the list and the end's own place
stand; the mark and the bytes of an end for large archives; the fixed bytes of each entry of the list."""

_RULES = (".yml", ".yaml")
_LICENCES = ("license", "licence", "copying", "notice", "authors", "copyright")

_UNSOUND = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeDecodeError),
    OSError,  # bzip2
)

OnBytes = Callable[[int], None]


def read_source(source: str, on_bytes: OnBytes = lambda size: None) -> dict[str, bytes]:
    """Relative name -> content of the rule and licence files of a source. on_bytes: told of a download.

    Raises RuleError with what is wrong: no such thing, too large, a name that leads outside.
    """
    if source.lower().startswith(("http://", "https://")):
        with tempfile.TemporaryFile() as file:
            _download(source, file, on_bytes)
            return _from_zip(file, source)
    path = Path(source).expanduser()
    if path.is_dir():
        return _from_folder(path)
    try:
        with path.open("rb") as file:
            return _from_zip(file, source)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RuleError(f"{source} cannot be read: {why}.") from error


def wanted(name: str) -> bool:
    """Whether a file is kept: rules, and who made them under what terms; nothing hidden."""
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts):
        return False
    return path.suffix.lower() in _RULES or licence(name)


def licence(name: str) -> bool:
    """Whether a file says who made the rules, or under what terms."""
    path = PurePosixPath(name)
    return path.suffix.lower() in ("", ".md", ".txt", ".rst") and path.name.lower().startswith(_LICENCES)


class _Kept:
    """Files taken so far, within the caps."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.files: dict[str, bytes] = {}
        self.total = 0

    def add(self, name: str, file: IO[bytes]) -> None:
        if len(self.files) >= FILES:
            raise RuleError(f"{self.source} holds more than {FILES:,} rule files: take a part of it.")
        content = file.read(FILE_BYTES + 1)
        self.total += len(content)
        if len(content) > FILE_BYTES or self.total > TOTAL_BYTES:
            raise RuleError(
                f"{self.source} is too large ({name}): {TOTAL_BYTES // 1_000_000} MB are the most."
            )
        self.files[name] = content


def _from_folder(folder: Path) -> dict[str, bytes]:
    kept = _Kept(str(folder))
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if not wanted(relative):
                continue
            try:
                # neither links nor devices: the file itself or nothing
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue
            with os.fdopen(handle, "rb") as file:
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    kept.add(relative, file)
    return kept.files


def _from_zip(file: IO[bytes], source: str) -> dict[str, bytes]:
    kept = _Kept(source)
    try:
        _check_directory(file, source)
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                name = _safe_name(entry.filename, source)
                mode = entry.external_attr >> 16
                if (
                    entry.is_dir()
                    or not wanted(name)
                    or (mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode))
                ):
                    continue
                if entry.file_size > RATIO * max(entry.compress_size, 1) + 100_000:
                    raise RuleError(f"{source}: {name} unpacks to {RATIO} times its size: it is refused.")
                if entry.flag_bits & 1:
                    raise RuleError(f"{source} is encrypted: unpack it first.")
                with archive.open(entry) as inner:
                    kept.add(name, inner)
    except _UNSOUND as error:
        raise RuleError(f"{source} is no folder and no sound zip file: {error}.") from error
    return kept.files


def _check_directory(file: IO[bytes], source: str) -> None:
    """Count what a zip lists before `zipfile` makes objects of all of it: 200 MB may hold four million names.
    RuleError where that is too much, BadZipFile where it is no zip.

    What the end of the archive says of their number may be a lie, and `zipfile` does not heed it: it reads as
    many bytes as are said to hold the list. So do we. Source: APPNOTE 6.3.10, sections 4.3.12 to 4.3.16.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # the very reading that `ZipFile` relies on
    if end is None:
        raise zipfile.BadZipFile("File is not a zip file")
    size, place, long = int(end[_SIZE]), int(end[_PLACE]), end[0] == _LONG
    count = 0
    if size <= DIRECTORY_BYTES and (start := place - size - (_LONG_END if long else 0)) >= 0:
        file.seek(start)
        listed, at = file.read(size), 0
        while at + _ENTRY <= len(listed) and count <= ENTRIES:
            at += _ENTRY + sum(struct.unpack_from("<3H", listed, at + 28))  # name, extra, comment
            count += 1
    if size > DIRECTORY_BYTES or count > ENTRIES:
        raise RuleError(f"{source} lists more than {ENTRIES:,} files: that is no set of rules.")


def _safe_name(name: str, source: str) -> str:
    """A name inside the archive; RuleError where it leads out of it."""
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]:
        raise RuleError(f"{source} wants to write outside its place ({name[:80]!r}): it is refused.")
    return path.as_posix()


def _download(address: str, file: IO[bytes], on_bytes: OnBytes) -> None:
    import httpx

    size = 0
    try:
        with (
            httpx.Client(timeout=SECONDS, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", address, headers={"accept-encoding": "identity"}) as answer,
        ):
            answer.raise_for_status()
            if address.lower().startswith("https:") and answer.url.scheme != "https":
                raise RuleError(f"{address} leads on to http, where anybody may change it: it is refused.")
            for part in answer.iter_bytes():
                size += len(part)
                if size > DOWNLOAD_BYTES:
                    raise RuleError(
                        f"{address} is larger than {DOWNLOAD_BYTES // 1_000_000} MB: it is refused."
                    )
                file.write(part)
                on_bytes(size)
    except httpx.HTTPStatusError as error:
        raise RuleError(f"{address} answers {error.response.status_code}: look the address up.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = str(error) or type(error).__name__
        raise RuleError(f"{address} cannot be fetched: {what}.") from error
    file.seek(0, io.SEEK_SET)
