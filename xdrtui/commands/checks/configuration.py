"""Whether the settings can be read, and how many rules load.

A wrong setting is one check, not the end of the doctor's round.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from xdrtui.commands.checks.check import Check, State
from xdrtui.commands.session import Session
from xdrtui.errors import SettingsError, XdrtuiError
from xdrtui.settings import Settings, resolve, settings_path

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook

AREA = "configuration"


def read_settings(session: Session) -> tuple[Settings | None, list[Check]]:
    """The settings where they can be read, and what there is to say about them."""
    try:
        settings = session.settings
    except SettingsError as error:
        return None, [
            Check(AREA, "settings", State.BROKEN, str(error), "right it, then ask the doctor again")
        ]
    checks = [_file(settings), Check(AREA, "profile", State.FINE, settings.name)]
    checks += _secrets(settings)
    if not settings.kafka.brokers:
        checks.append(
            Check(
                AREA,
                "sources",
                State.LIMITED,
                "no Kafka brokers are set: files can be scanned, and the demo works",
                "see `xdrtui help kafka` to connect",
            )
        )
    elif not settings.kafka.topics:
        checks.append(Check(AREA, "sources", State.BROKEN, "no topics are set", "add `topics` under `kafka`"))
    return settings, checks


def _file(settings: Settings) -> Check:
    if settings.file is None:
        return Check(
            AREA, "settings", State.FINE, f"all default; a file would be read from {settings_path()}"
        )
    mode = settings.file.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Check(
            AREA,
            "settings",
            State.LIMITED,
            f"{settings.file} can be written by others",
            f"chmod go-w {settings.file}",
        )
    return Check(AREA, "settings", State.FINE, str(settings.file))


def _secrets(settings: Settings) -> Iterator[Check]:
    for name in ("password", "key_password", "oauth_client_secret", "registry_password"):
        reference = getattr(settings.kafka, name)
        if reference is None:
            continue
        try:
            resolve(reference)
        except XdrtuiError as error:
            yield Check(AREA, f"kafka.{name}", State.BROKEN, str(error), "put the secret there")
        else:
            yield Check(AREA, f"kafka.{name}", State.FINE, f"found ({reference.partition(':')[0]})")


def check_rules(book: Rulebook) -> Check:
    """How many rules load and how many cannot."""
    notes = len(book.problems) - len(book.broken)
    seen = f"{len(book.rules)} and {len(book.correlations.rules)} correlations load"
    seen += f", {notes} {'note' if notes == 1 else 'notes'}" if notes else ""
    if book.broken:
        seen += f", {book.left_out} cannot"
        return Check("rules", "rules", State.BROKEN, seen, "`xdrtui rules check` tells where and why")
    if not book.rules:
        return Check("rules", "rules", State.BROKEN, seen, "name a folder of rules under `rules.paths`")
    return Check("rules", "rules", State.FINE, seen)
