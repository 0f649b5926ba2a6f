"""Where a store may stand: a private directory on a local file system.

WAL needs shared memory between processes, which network file systems do not give; they are refused by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from xdrtui.errors import StoreError

DATABASE = "xdrtui.sqlite"
LIVE = "live.sqlite"
BACKUPS = "backups"

NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afpfs", "webdav", "davfs", "davfs2"),
        *("9p", "afs", "ceph", "lustre", "beegfs", "glusterfs", "gfs2", "ocfs2"),
        *("sshfs", "macfuse", "osxfuse", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.davfs2"),
        *("fuse.s3fs", "fuse.rclone", "fuse.gvfsd-fuse", "fuse.smbnetfs"),
    )
)
"""Names of file systems, as the machine's list of mounts says them, on which a store is refused."""


def unescape(path: str) -> str:
    """Undo the octal escapes of /proc/mounts (blank, tab, newline, backslash)."""
    for code, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        path = path.replace(code, char)
    return path


def linux_mounts(text: str) -> dict[str, str]:
    """Mount point -> file system, from /proc/mounts; a later mount hides an earlier one."""
    lines = (line.split(" ") for line in text.splitlines())
    return {unescape(parts[1]): parts[2] for parts in lines if len(parts) > 2}


def darwin_mounts(text: str) -> dict[str, str]:
    """Mount point -> file system, from what `mount` prints: `device on /path (kind, options)`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        left, _, options = line.rpartition(" (")
        found[left.partition(" on ")[2]] = options.rstrip(")").partition(",")[0]
    return found


def file_system(path: Path, mounts: dict[str, str]) -> str:
    """The file system that holds this absolute path, or empty."""
    for parent in (path, *path.parents):
        if str(parent) in mounts:
            return mounts[str(parent)]
    return ""


def read_mounts() -> dict[str, str]:
    """The mounts of this machine; empty where they cannot be read."""
    try:
        if sys.platform == "linux":
            return linux_mounts(Path("/proc/self/mounts").read_text("utf-8", "surrogateescape"))
        if sys.platform == "darwin":
            return darwin_mounts(subprocess.run(["/sbin/mount"], capture_output=True, text=True).stdout)
    except OSError:
        return {}
    return {}


def prepare(directory: Path, mounts: dict[str, str] | None = None) -> Path:
    """Make the directory (0700) if it is not there, and return it resolved.

    Raises StoreError where it stands on a network file system or cannot be made.
    """
    directory = directory.expanduser().resolve()
    refuse_network(directory, mounts)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The store's directory {directory} cannot be made ({error.strerror}); choose another one."
        ) from error
    return directory


def refuse_network(directory: Path, mounts: dict[str, str] | None = None) -> None:
    """Raise StoreError where the directory stands on a network file system."""
    kind = file_system(directory, read_mounts() if mounts is None else mounts)
    if kind in NETWORK:
        raise StoreError(
            f"{directory} is on a network file system ({kind}), where the database would be damaged;"
            " choose a directory on a local disk."
        )


def is_still(path: Path) -> bool:
    """True for a database on a disk that is mounted read-only, and that no writer has left unfinished."""
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        return False
    log = path.with_name(path.name + "-wal")
    return not log.exists() or log.stat().st_size == 0


def identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at this path: it changes where another is put there; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def touch_private(path: Path) -> None:
    """Create the file with mode 0600, so that SQLite and its -wal and -shm files inherit it."""
    path.touch(mode=0o600, exist_ok=True)
