"""How a person wants the screens: plain data, so that it is there before settings can be read.

In: the settings of a profile, where there are any. Out: `Preferences`. Nothing heavy is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdrtui.settings import Settings
    from xdrtui.settings.model import KafkaSettings


@dataclass(frozen=True)
class Preferences:
    """See `ScreenSettings`. mouse: None = on, but off over SSH and in GNU screen; plain: ASCII, None = as the
    terminal needs; keys: command -> its keys; kafka: a cluster is set, so workers are expected; connection:
    by which topics can be watched, where there are any."""

    theme: str = "dark"
    plain: bool | None = None
    zone: str = ""
    mouse: bool | None = None
    low_bandwidth: bool = False
    bell: bool = False
    title: bool = False
    lock_minutes: int = 0
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kafka: bool = True
    connection: KafkaSettings | None = None

    def mouse_on(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether the mouse is on at start. GNU screen (STY) holds back a lone escape while it is."""
        if self.mouse is not None:
            return self.mouse
        return "SSH_CONNECTION" not in environ and "STY" not in environ

    def named_zone(self) -> tzinfo | None:
        """The zone that was set. Raises ValueError where none is called so."""
        if not self.zone:
            return None
        import zoneinfo

        try:
            return zoneinfo.ZoneInfo(self.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {self.zone}: write it like Europe/Paris") from None


def preferences_of(settings: Settings | None) -> Preferences:
    """What is set. Raises SettingsError, with the line, for keys that conflict and for an unknown zone."""
    if settings is None:
        return Preferences(kafka=False)
    screens = settings.screens
    found = Preferences(
        theme=screens.theme,
        plain=True if screens.ascii else None,
        zone=screens.zone,
        mouse={"on": True, "off": False}.get(screens.mouse),
        low_bandwidth=screens.low_bandwidth,
        bell=screens.notify in ("bell", "both"),
        title=screens.notify in ("title", "both"),
        lock_minutes=screens.lock_minutes,
        keys=screens.keys,
        kafka=bool(settings.kafka.brokers),
        connection=settings.kafka if settings.kafka.brokers and settings.kafka.topics else None,
    )
    _check(settings, found)
    return found


def _check(settings: Settings, found: Preferences) -> None:
    from screens.keymap import KeyProblem, rebound
    from xdrtui.errors import SettingsError
    from xdrtui.plain import visible

    place: tuple[str, ...] = ("zone",)
    try:
        found.named_zone()
        place = ("keys",)
        rebound(found.keys)
    except (KeyProblem, ValueError) as problem:
        if isinstance(problem, KeyProblem):
            place = ("keys", problem.id)
        where = "the settings"
        if settings.file is not None:
            from xdrtui.settings.read import place_in

            where = place_in(settings.file, ("profiles", settings.name, "screens", *place))
        raise SettingsError(f"{where}: {visible(str(problem))}.") from None
