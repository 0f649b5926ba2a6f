"""Open the database: private files, WAL, a schema that fits, transactions that wait instead of failing.

`synchronous` is a choice of the connection: FULL for what people do (the ledger), NORMAL for workers, whose
batches are read again after a power cut.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xdrtui.errors import StoreError, StoreTooNew
from xdrtui.points import reach
from xdrtui.store import place
from xdrtui.store.trouble import told

VERSION = 7
"""The schema this program writes; see `schema.migrations`."""

BUSY_SECONDS = 10.0


def open_database(directory: Path, *, readonly: bool, durable: bool) -> tuple[sqlite3.Connection, Path]:
    """Connect to the store in this directory, making or upgrading it where need be.

    Raises StoreError (no store, network file system, no rights), StoreTooNew, StoreBusy.
    """
    if readonly:
        directory = directory.expanduser().resolve()
        place.refuse_network(directory)
        path = directory / place.DATABASE
        if not path.exists():
            raise StoreError(
                f"There is no store in {directory} yet; `xdrtui run` or `xdrtui scan --into` makes one."
            )
    else:
        directory = place.prepare(directory)
        path = directory / place.DATABASE
    try:
        if not readonly:
            place.touch_private(path)
        connection = _connect(path, readonly, durable)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(
            f"The database {path} cannot be written ({why}): choose another workspace."
        ) from error
    except sqlite3.Error as error:
        raise told(error, path) or error from error
    try:
        _fit(connection, directory, readonly)
    except sqlite3.Error as error:
        connection.close()
        raise told(error, path) or error from error
    except BaseException:
        connection.close()
        raise
    return connection, directory


def _connect(path: Path, readonly: bool, durable: bool) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode={'ro' if readonly else 'rw'}"
    if readonly and place.is_still(path):
        uri += "&immutable=1"  # on a disk that cannot be written, SQLite could not make its lock files
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA temp_store = MEMORY")
    if readonly:
        connection.execute("PRAGMA query_only = 1")
    return connection


def _fit(connection: sqlite3.Connection, directory: Path, readonly: bool) -> None:
    """Make the schema fit this program, or refuse in one sentence."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        refuse_newer(connection, directory, version, readonly)
    elif version < VERSION and readonly:
        raise StoreError(
            f"The store in {directory} has schema {version}, this xdrtui reads {VERSION};"
            " open it once for writing (`xdrtui run`) to bring it up to date."
        )
    elif version < VERSION:
        _upgrade(connection, directory)


def refuse_newer(connection: sqlite3.Connection, directory: Path, version: int, readonly: bool) -> None:
    """A newer store may be read where its `meta` says that this version still can; else it is refused."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'readable_from'").fetchone()
    readable = row is not None and row[0].isdigit() and int(row[0]) <= VERSION
    if readonly and readable:
        return
    may = "; it may be opened read-only" if readable else ""
    raise StoreTooNew(
        f"The store in {directory} was written by a newer xdrtui (schema {version}, this one knows"
        f" {VERSION}): upgrade xdrtui{may}."
    )


def _upgrade(connection: sqlite3.Connection, directory: Path) -> None:
    from xdrtui.store.schema import upgrade

    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection, "EXCLUSIVE"):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version >= VERSION:
            return
        if version:
            _backup(directory, version)
        upgrade(connection, VERSION)
        reach("store.upgrade.before")
    reach("store.upgrade.after")


def _backup(directory: Path, version: int) -> Path:
    """Copy the database as it stands (committed state) before a migration; return where it is."""
    folder = directory / place.BACKUPS
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"xdrtui-schema{version}-{stamp}.sqlite"
    place.touch_private(path)
    source = sqlite3.connect(f"{(directory / place.DATABASE).as_uri()}?mode=ro", uri=True)
    target = sqlite3.connect(path)
    try:
        source.backup(target)
    except BaseException:  # the half of one would take the room that is missing, once with each start
        path.unlink(missing_ok=True)
        raise
    finally:
        target.close()
        source.close()
    return path


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """A write transaction: all of it or nothing. Begins IMMEDIATE, since a deferred one that reads first and
    then writes is refused at once where another writer came between.

    Raises StoreBusy where another process writes for longer than the busy timeout, StoreError where the disk
    is full or the file is damaged.
    """
    try:
        connection.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise told(error, _path_of(connection), BUSY_SECONDS) or error from error


@contextmanager
def durable_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """The same, and on the disk when it returns, with all that was committed before it."""
    before = connection.execute("PRAGMA synchronous").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    try:
        with transaction(connection):
            yield
    finally:
        connection.execute(f"PRAGMA synchronous = {int(before)}")


def _path_of(connection: sqlite3.Connection) -> str:
    """Where the database is; empty where it does not say."""
    with suppress(sqlite3.Error):
        return str(connection.execute("PRAGMA database_list").fetchone()[2])
    return ""
