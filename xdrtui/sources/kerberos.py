"""Login by Kerberos (GSSAPI): where our ticket comes from, and what goes wrong with it in words.

aiokafka speaks GSSAPI through the package `gssapi`, with the process' own credentials: what `kinit` got, or
what a client keytab gives. Its errors are none of Kafka's, so a KDC that is away for a moment would end
aiokafka's tasks; here they become a login that failed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import stat
from functools import cache
from pathlib import Path
from typing import Any

from xdrtui.errors import SettingsError
from xdrtui.plain import visible

MARK = "Kerberos: "
"""What the text of a login that failed here begins with."""


def prepare(keytab: str) -> None:
    """Make this process log in with this keytab, or with the ticket that is there. Raises SettingsError."""
    if not _installed():
        raise SettingsError(
            "sasl is gssapi: install the extra: pip install 'xdrtui[kerberos]' (it is built with Kerberos'"
            " headers, in Debian libkrb5-dev and gcc)."
        )
    if keytab:
        path = Path(keytab).expanduser()
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise SettingsError(f"kafka.keytab {visible(keytab)} cannot be read: {error.strerror}.") from None
        if stat.S_IMODE(mode) & 0o077:
            raise SettingsError(f"kafka.keytab {visible(keytab)} can be read by others: chmod 600 it.")
        os.environ["KRB5_CLIENT_KTNAME"] = f"FILE:{path}"
        os.environ["KRB5CCNAME"] = "MEMORY:xdrtui"  # the user's own tickets stay as they are
    _tell_errors()


def _installed() -> bool:
    return importlib.util.find_spec("gssapi") is not None


@cache
def _tell_errors() -> None:
    """Let aiokafka's authenticator raise errors that are Kafka's."""
    conn = importlib.import_module("aiokafka.conn")  # only here: it takes long to load
    failed = importlib.import_module("aiokafka.errors").AuthenticationFailedError
    errors = importlib.import_module("gssapi.exceptions").GSSError
    theirs = conn.SaslGSSAPIAuthenticator.step

    async def step(self: Any, payload: bytes | None) -> Any:
        try:
            return await theirs(self, payload)
        except errors as error:
            raise failed(f"{MARK}{words_of(error)}") from None

    conn.SaslGSSAPIAuthenticator.step = step


def words_of(error: Any) -> str:
    """What the library says, the reason last, without its numbers."""
    text = str(error).splitlines()[-1] if str(error) else type(error).__name__
    return visible(text.partition("Minor (")[2].partition("): ")[2] or text)[:300]


def reason(said: str) -> str:
    """What was wrong with Kerberos, out of a line of aiokafka's log; empty where it was something else."""
    told = said.partition(MARK)[2]
    return next((told.removesuffix(end) for end in ("')", '")') if told.endswith(end)), told)
