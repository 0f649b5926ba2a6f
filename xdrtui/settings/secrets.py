"""Secrets: the settings say where one lies, never what it is.

In: a reference (`keyring:NAME`, `file:PATH`, `env:NAME`). Out: a `Secret`, which shows itself to nobody who
does not ask by `reveal()`. Every revealed value is remembered so that the logs can strike it out.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from xdrtui.errors import SettingsError
from xdrtui.plain import visible

SERVICE = "xdrtui"
"""The service under which secrets stand in the keyring."""

_KINDS = ("keyring", "file", "env")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_revealed: set[str] = set()


class Secret:
    """A value that is not shown: not in a traceback, a log, a repr or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; from here on `strike_out` knows it."""
        if len(self._value) >= 4:
            _revealed.add(self._value)
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def strike_out(text: str) -> str:
    """Return `text` with every secret of this process replaced by `***`."""
    for value in sorted(_revealed, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def check_reference(reference: str) -> str:
    """Return `reference` if it has the form of one; else ValueError, without what may be a secret."""
    if not is_reference(reference):
        raise ValueError(
            "a secret does not stand in the settings: write where it lies, "
            "as keyring:NAME, file:PATH or env:NAME"
        )
    return reference


def is_reference(text: str) -> bool:
    """Whether this says where a secret lies; else it may be one."""
    kind, _, place = text.partition(":")
    return kind in _KINDS and bool(place)


def environment_name(reference: str) -> str | None:
    """The environment variable that a reference names, if it names one."""
    kind, _, place = reference.partition(":")
    return place if kind == "env" else None


def resolve(reference: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """Fetch the secret that `reference` names. Raises SettingsError with what to do where it is not there."""
    kind, _, place = check_reference(reference).partition(":")
    if kind == "env":
        if place not in environ:
            raise SettingsError(f"the secret env:{visible(place)} is not set: export {visible(place)} first.")
        return _not_empty(environ[place], f"the secret env:{visible(place)} is empty: export its value.")
    if kind == "file":
        return _from_file(Path(place).expanduser())
    return _from_keyring(place)


def _from_file(path: Path) -> Secret:
    shown = visible(str(path))
    try:
        # the opened file is checked, not the name: nobody changes it in between; a pipe makes us not wait
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SettingsError(f"the secret's file {shown} is not a regular file: name one.")
            if status.st_uid not in (os.getuid(), 0):
                raise SettingsError(
                    f"the secret's file {shown} belongs to another user: make one by `xdrtui secret set`."
                )
            if status.st_mode & 0o077:
                raise SettingsError(f"the secret's file {shown} can be read by others: chmod 600 {shown}.")
            content = file.read(65_536)
    except OSError as error:
        raise SettingsError(
            f"the secret's file {shown} cannot be read ({error.strerror}):"
            " make it by `xdrtui secret set NAME`."
        ) from None
    try:
        value = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SettingsError(f"the secret's file {shown} is not UTF-8 text: write it again.") from None
    return _not_empty(value, f"the secret's file {shown} is empty: make it by `xdrtui secret set NAME`.")


def _not_empty(value: str, otherwise: str) -> Secret:
    if not value:
        raise SettingsError(otherwise)
    return Secret(value)


def _from_keyring(name: str) -> Secret:
    import keyring  # 88 ms, and only here

    try:
        value = keyring.get_password(SERVICE, name)
    except Exception as error:  # noqa: BLE001 - backends are anybody's, and one that is set may be missing
        raise SettingsError(
            f"the secret keyring:{visible(name)} cannot be fetched "
            f"({visible(str(error) or type(error).__name__)}): "
            "on a host without a keyring use a file (`xdrtui secret set NAME` makes one) or env:NAME."
        ) from None
    if value is None:
        raise SettingsError(
            f"the keyring has no secret {visible(name)}: "
            f"store it with `xdrtui secret set --keyring {visible(name)}`."
        )
    return Secret(value)


def store_in_file(folder: Path, name: str, value: Secret) -> Path:
    """Write a secret into a file of its own, mode 0600 in a folder of mode 0700, in place of an older one.

    Raises SettingsError for a wrong name or where the file cannot be written.
    """
    path = folder / check_name(name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        new = folder / f".{name}.{os.getpid()}"
        new.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(value.reveal().encode())
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        raise SettingsError(f"{visible(str(path))} cannot be written ({error.strerror}).") from None
    return path


def store_in_keyring(name: str, value: Secret) -> None:
    """Put a secret into the system's keyring. Raises SettingsError where there is none that works."""
    import keyring

    check_name(name)
    try:
        keyring.set_password(SERVICE, name, value.reveal())
    except Exception as error:  # noqa: BLE001 - as above
        raise SettingsError(
            f"the keyring does not take the secret ({visible(str(error) or type(error).__name__)}): "
            "without --keyring it is kept in a file that only you can read."
        ) from None


def check_name(name: str) -> str:
    """Return `name` if a secret may be called so; else SettingsError."""
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{visible(name)!r} is no name for a secret: letters, digits, `.`, `_` and `-`, no more than 64."
        )
    return name
