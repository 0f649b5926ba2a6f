"""Times as people read them: ages, clocks, zones.

In: nanoseconds since 1970 UTC. Out: short texts. Pure but for the zone's data.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

SECOND = 1_000_000_000


class Zone:
    """The zone that times are shown in; `toggle` goes on to the next: a set one, UTC, the user's own."""

    def __init__(self, own: tzinfo | None = None, utc: bool = False, named: tzinfo | None = None) -> None:
        """own: the user's zone (None: the system's); named: one that was set, which is the first."""
        self._zones: list[tzinfo | None] = [UTC, own]
        self._named = named
        if named is not None:
            self._zones.insert(0, named)
        self._place = 0 if utc or named is not None else 1

    @property
    def zone(self) -> tzinfo | None:
        """The zone itself; None = this machine's."""
        return self._zones[self._place]

    @property
    def utc(self) -> bool:
        """Whether times are shown in UTC."""
        return self._zones[self._place] is UTC

    def toggle(self) -> None:
        self._place = (self._place + 1) % len(self._zones)

    def _zone(self) -> tzinfo | None:
        return self._zones[self._place]

    def at(self, time: int) -> datetime:
        """The moment in this zone; what lies outside the calendar becomes its nearest end."""
        try:
            moment = datetime.fromtimestamp(time // SECOND, UTC)
            return moment.astimezone(self._zone())
        except (ValueError, OverflowError, OSError):
            return datetime.min.replace(tzinfo=UTC) if time < 0 else datetime.max.replace(tzinfo=UTC)

    def name(self, time: int) -> str:
        """The zone with its offset at this time: "UTC", "UTC+1", "UTC-3:30"."""
        offset = self.at(time).utcoffset() or timedelta(0)
        minutes = int(offset.total_seconds()) // 60
        if not minutes:
            return "UTC"
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")

    def title(self, time: int) -> str:
        """The zone as the header names it: "UTC+1", or with its place where it was set, "Paris UTC+1"."""
        if self._zone() is None or self._zone() is not self._named:
            return self.name(time)
        return f"{str(self._named).rsplit('/', 1)[-1].replace('_', ' ')} {self.name(time)}"

    def turn(self, before: int, time: int) -> str:
        """What to say between two times of a list where the date or the offset changes: the new date and
        offset; else ""."""
        if self.day(before) == self.day(time) and self.name(before) == self.name(time):
            return ""
        return f"{self.day(time)} {self.name(time)}"

    def clock(self, time: int, seconds: bool = True) -> str:
        """14:02:31"""
        return self.at(time).strftime("%H:%M:%S" if seconds else "%H:%M")

    def day(self, time: int) -> str:
        """2026-03-03"""
        moment = self.at(time)
        return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"

    def full(self, time: int) -> str:
        """2026-03-03 14:02:31 UTC+1"""
        return f"{self.day(time)} {self.clock(time)} {self.name(time)}"


def age(time: int, now: int, zone: Zone) -> str:
    """How long ago, in at most 5 cells: "now", "40s", "12m", "3h"; from a day on the date, "03-02", or its
    year where that is another one."""
    seconds = (now - time) // SECOND
    if -5 <= seconds < 5:
        return "now"
    if 0 <= seconds < 60:
        return f"{seconds}s"
    if 0 <= seconds < 3600:
        return f"{seconds // 60}m"
    if 0 <= seconds < 86_400:
        return f"{seconds // 3600}h"
    moment, today = zone.at(time), zone.at(now)
    return f"{moment.month:02}-{moment.day:02}" if moment.year == today.year else f"{moment.year:04}"


def duration(nanoseconds: int) -> str:
    """A length of time: "90 s", "12 min", "3.5 h", "2 d"."""
    seconds = nanoseconds / SECOND
    if seconds < 0.1:
        return "a moment"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} d"


def number(value: float) -> str:
    """12,480"""
    return f"{value:,.0f}"


def short_number(value: int) -> str:
    """A count in at most 4 cells: "18", "9999", "12k", "3M"."""
    if value < 10_000:
        return str(value)
    return f"{value // 1000}k" if value < 1_000_000 else f"{value // 1_000_000}M"


def memory(size: float) -> str:
    """412 MB"""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def fixed(hours: float) -> tzinfo:
    """A zone with this offset."""
    return timezone(timedelta(hours=hours))
