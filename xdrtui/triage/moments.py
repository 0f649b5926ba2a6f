"""Moments as people name them: `06:00`, `2h`, `30d`, `2026-03-03`, `2026-03-03T14:00Z`. Pure.

In: the text, now, and whether it lies before or after now. Out: nanoseconds since 1970 UTC. Where no zone is
said it is the person's own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from xdrtui.errors import ActionRefused

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"[-+]?\s*(\d{1,6})\s*(s|min|m|h|d|w)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(Z|UTC)?", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def before(text: str, now: int, zone: tzinfo | None = None) -> int:
    """A moment that lies before now: `2h` is two hours ago, `06:00` the last six o'clock.

    zone: the person's, None = this machine's. Raises ActionRefused where it is no moment, or lies ahead.
    """
    found = _moment(text, now, zone, -1)
    if found > now:
        raise ActionRefused(f"{text.strip()!r} lies ahead: give a moment that has passed")
    return found


def after(text: str, now: int, zone: tzinfo | None = None) -> int:
    """A moment that lies ahead: `2h` is in two hours, `06:00` the next six o'clock. Raises ActionRefused."""
    found = _moment(text, now, zone, 1)
    if found <= now:
        raise ActionRefused(f"{text.strip()!r} has passed: give a moment that lies ahead")
    return found


def _moment(text: str, now: int, zone: tzinfo | None, sign: int) -> int:
    cleaned = text.strip()
    if (span := _SPAN.fullmatch(cleaned.lower())) is not None:
        return now + sign * int(span[1]) * UNITS[span[2]] * SECOND
    if (clock := _CLOCK.fullmatch(cleaned)) is not None:
        return _clock(clock, now, UTC if clock[4] else zone, sign, text)
    try:
        when = datetime.fromisoformat(cleaned.upper().replace("Z", "+00:00"))
        return nanoseconds(when if when.tzinfo else _local(when, zone))
    except (ValueError, OverflowError) as error:
        raise ActionRefused(f"{text!r} is no moment: write 06:00, 2h, 30d or 2026-03-03T14:00Z") from error


def _clock(clock: re.Match[str], now: int, zone: tzinfo | None, sign: int, text: str) -> int:
    today = datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone)
    try:
        wall = today.replace(
            hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0, tzinfo=None
        )
    except ValueError as error:
        raise ActionRefused(f"{text!r} is no time of day: write 06:00") from error
    for days in (0, sign):
        found = nanoseconds(_local(wall + timedelta(days=days), zone))
        if (found - now) * sign > 0 or (found == now and sign < 0):
            return found
    return found


def _local(wall: datetime, zone: tzinfo | None) -> datetime:
    """A time on the wall as a moment."""
    return wall.astimezone() if zone is None else wall.replace(tzinfo=zone)


def nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
