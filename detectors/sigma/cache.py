"""What is slow to make, kept on disk: parsed rules and compiled pattern databases.

Each entry is a file named by the hash of all that it was made from (content of the rules, placeholders,
version of the engine and of Hyperscan), so an entry is never stale, only unused. Entries carry a checksum,
are written beside their place and renamed, and are read only where file and folder belong to us and nobody
else may write them: a half-written or a planted file is made anew. Nothing is unpickled. A folder that
cannot be used costs time, never an error."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import hyperscan
import msgspec

from detectors.sigma.items import Placeholders
from detectors.sigma.rules import RuleSet, parse_rules, read_rule_texts

VERSION = "4"
_VERSIONS = f"patterns that end before the end {VERSION} {getattr(hyperscan, '__version__', '')}".encode()
_CHECKSUM = 32
_LARGEST = 300_000_000


class _Patterns(msgspec.Struct, frozen=True, array_like=True):
    """A serialised database and the numbers of the expressions that Hyperscan refused."""

    database: bytes
    refused: tuple[int, ...]


class Cache:
    """A folder of entries. directory None: nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        if directory is not None:
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not _ours(directory.stat()):
                    self._directory = None
            except OSError:
                self._directory = None

    def read(self, name: str) -> bytes | None:
        """An entry's content, or None where there is no sound one."""
        if self._directory is None:
            return None
        try:
            with (self._directory / name).open("rb") as file:
                status = os.fstat(file.fileno())
                if not _ours(status) or status.st_size > _LARGEST:
                    return None
                data = file.read()
        except OSError:
            return None
        checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
        return content if hashlib.blake2b(content, digest_size=_CHECKSUM).digest() == checksum else None

    def write(self, name: str, content: bytes) -> None:
        """Keep an entry; other processes see all of it or nothing."""
        if self._directory is None:
            return
        try:
            handle, temporary = tempfile.mkstemp(dir=self._directory, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.blake2b(content, digest_size=_CHECKSUM).digest())
                    file.write(content)
                Path(temporary).replace(self._directory / name)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError:
            return

    def database(
        self, key: bytes, make: Callable[[], list[tuple[bytes, int]]]
    ) -> tuple[hyperscan.Database | None, tuple[int, ...]]:
        """One Hyperscan database of the expressions that `make` gives (with their flags; numbered by their
        order), and the numbers of those that it refuses. key: all that the expressions follow from."""
        digest = hashlib.blake2b(_VERSIONS, digest_size=20)
        digest.update(key)
        name = f"patterns-{digest.hexdigest()}"
        kept = self.read(name)
        if kept is not None:
            try:
                patterns = msgspec.msgpack.decode(kept, type=_Patterns)
                loaded = (
                    hyperscan.loadb(patterns.database, hyperscan.HS_MODE_BLOCK) if patterns.database else None
                )
                if loaded is not None:
                    loaded.scratch = hyperscan.Scratch(loaded)
                return loaded, patterns.refused
            except (msgspec.MsgspecError, hyperscan.error):
                pass  # another processor or version: compile it here
        expressions = make()
        every = list(range(len(expressions)))
        refused: list[int] = []
        database = _compiled(expressions, every)
        if database is None:
            accepted = _accepted(expressions, every, refused)
            database = _compiled(expressions, accepted) if accepted else None
        content = hyperscan.dumpb(database) if database is not None else b""
        self.write(name, msgspec.msgpack.encode(_Patterns(content, tuple(refused))))
        return database, tuple(refused)


def _ours(status: os.stat_result) -> bool:
    """The file or folder is ours and nobody else may write it."""
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _compiled(expressions: Sequence[tuple[bytes, int]], chosen: Sequence[int]) -> hyperscan.Database | None:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[expressions[index][0] for index in chosen],
            ids=list(chosen),
            flags=[expressions[index][1] for index in chosen],
        )
    except hyperscan.error:
        return None
    return database


def _accepted(
    expressions: Sequence[tuple[bytes, int]], chosen: Sequence[int], refused: list[int]
) -> list[int]:
    """Halve until the refused ones stand alone."""
    if _compiled(expressions, chosen) is not None:
        return list(chosen)
    if len(chosen) == 1:
        refused.append(chosen[0])
        return []
    middle = len(chosen) // 2
    return _accepted(expressions, chosen[:middle], refused) + _accepted(expressions, chosen[middle:], refused)


def load_cached(
    paths: Sequence[str | Path], cache: Cache, placeholders: Placeholders | None = None
) -> RuleSet:
    """The rules under the paths, from the cache where their content was parsed before."""
    texts, problems = read_rule_texts(paths)
    digest = hashlib.blake2b(f"rules {VERSION} {placeholders!r}".encode(), digest_size=20)
    for file, text in texts.items():
        digest.update(f"{file}\0{len(text)}\0".encode("utf-8", "surrogateescape") + text)
    name = f"rules-{digest.hexdigest()}"
    kept = cache.read(name)
    if kept is not None:
        try:
            rules = msgspec.msgpack.decode(kept, type=RuleSet)
            return RuleSet(rules.rules, rules.others, problems + rules.problems, texts, rules.shelved)
        except (msgspec.MsgspecError, RecursionError):
            pass
    rules = parse_rules(texts, placeholders=placeholders)
    with contextlib.suppress(TypeError, OverflowError, RecursionError):  # a document may hold odd things
        kept_rules = RuleSet(rules.rules, rules.others, rules.problems, {}, rules.shelved)
        cache.write(name, msgspec.msgpack.encode(kept_rules))
    return RuleSet(rules.rules, rules.others, problems + rules.problems, texts, rules.shelved)
