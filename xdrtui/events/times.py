"""Times of events: what a text says, and how far it is believed.

In: texts of times, ingest times. Out: nanoseconds since 1970 UTC. A time without a zone is UTC. What lies
before 1970 or after 2261 is no time (it would not fit 64 bits; Windows writes 1601 for 'never').

Recorded data is older than any bound on today's date, so its own clock stands for ingest time:
`ReplayClock`. It is a function of the events in their order alone, never of how they were batched.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from itertools import accumulate

from detectors.contract import Text
from xdrtui.events.values import first_text

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

GOOD, UNDATED, OUTSIDE = 0, 1, 2
SALVAGED = 4
"""Quality of an event: one of the first three, plus 4 where its text had to be repaired."""

_LATEST = 9_223_372_036 * SECOND
_MONTHS = {name: index for index, name in enumerate(calendar.month_abbr) if name}

_ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"(\d{1,19})(?:\.(\d{1,12}))?", re.ASCII)
_WRAPPED = re.compile(r"(?:msg=)?audit\((\d{1,12}(?:\.\d{1,9})?):\d{1,20}\):?|/Date\((\d{1,15})\)/", re.ASCII)
_SYSLOG = re.compile(
    r"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?", re.ASCII
)
_COMMON_LOG = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]?", re.ASCII)

_seconds: dict[str, int] = {}


def parse_time(text: str, now: int | None = None) -> int | None:
    """Return the time that a text states, or None.

    Reads ISO 8601 and its variants, epoch seconds, milli-, micro- and nanoseconds (told apart by size),
    audit stamps, and syslog stamps: these lack the year, which is the one that puts them closest before
    `now` + 1 d.
    """
    if len(text) >= 19 and text[4] == "-":
        base = _seconds.get(text[:19])
        if base is not None:  # the usual case: this second was met before; 0.3 us
            rest = text[19:]
            if rest == "" or rest == "Z":
                return base
            digits = rest[1:-1] if rest[-1] == "Z" else rest[1:]
            if rest[0] == "." and len(digits) <= 12 and digits.isascii() and digits.isdecimal():
                return base + int(digits[:9].ljust(9, "0"))
    if len(text) > 64:
        return None
    text = text.strip()
    if found := _ISO.fullmatch(text):
        return _iso(found)
    if found := _EPOCH.fullmatch(text):
        return _epoch(found[1], found[2] or "")
    if found := _WRAPPED.fullmatch(text):
        return parse_time(found[1] or found[2])
    if found := _SYSLOG.fullmatch(text):
        return _syslog(found, now)
    if found := _COMMON_LOG.fullmatch(text):
        day, month, year, hour, minute, second, zone = found.groups()
        moment = _moment(int(year), _MONTHS.get(month, 0), int(day), int(hour), int(minute), int(second))
        return None if moment is None else _bounded(moment - _offset(zone))
    return None


def _iso(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    moment = _moment(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
    if moment is None:
        return None
    if second and "-" in found.string[:5] and moment > 0:
        if len(_seconds) > 50_000:
            _seconds.clear()
        _seconds[found.string[:19]] = moment
    nanos = int((fraction or "0")[:9].ljust(9, "0"))
    return _bounded(moment + nanos - _offset(zone or "Z"))


def _moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    if not (1970 <= year <= 2261 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    return calendar.timegm((year, month, day, hour, minute, second)) * SECOND


def _offset(zone: str) -> int:
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    span = (int(digits[:2]) * 60 + int(digits[2:])) * MINUTE
    return -span if zone[0] == "-" else span


def _epoch(whole: str, fraction: str) -> int | None:
    if len(whole) < 8:
        return None
    scale = 9 if len(whole) <= 11 else 6 if len(whole) <= 14 else 3 if len(whole) <= 17 else 0
    return _bounded(int(whole) * 10**scale + (int(fraction[:scale].ljust(scale, "0")) if scale else 0))


def _syslog(found: re.Match[str], now: int | None) -> int | None:
    month, day, year, hour, minute, second, fraction = found.groups()
    if month not in _MONTHS:
        return None
    nanos = int((fraction or "0").ljust(9, "0"))
    if year:
        years = [int(year)]
    elif now is None:
        return None
    else:
        this = 1970 + now // (365 * DAY + DAY // 4)
        years = [this + 1, this, this - 1, this - 4]
    for guess in years:
        moment = _moment(guess, _MONTHS[month], int(day), int(hour), int(minute), int(second))
        if moment is not None and (year or now is None or moment <= now + DAY):
            return _bounded(moment + nanos)
    return None


def _bounded(time: int) -> int | None:
    return time if 0 <= time < _LATEST else None


class ReplayClock:
    """Stands for ingest time where recorded data is read. One per source and partition.

    It starts at the first time it is given. A time within [clock - 7 d, clock + 1 d] moves it forward, never
    back; another is flagged and does not move it, unless it is the twentieth in a row that lies outside and
    these agree among themselves within a day: then the recording has a gap, and the clock goes there.
    """

    BACK = 7 * DAY
    AHEAD = DAY
    AGREE = DAY
    ENOUGH = 20

    def __init__(self, now: int | None = None, around: int | None = None) -> None:
        """around: what the source is thought to be from (a file's own date), for stamps without a year."""
        self.now = now
        self._around = around
        self._low = self._high = self._astray = 0

    @property
    def around(self) -> int | None:
        """The time near which a stamp without a year is sought."""
        return self._around if self.now is None else self.now

    def state(self) -> tuple[int | None, int, int, int]:
        """All there is to know, to go on later as if nothing had been between."""
        return self.now, self._low, self._high, self._astray

    @classmethod
    def resume(cls, state: tuple[int | None, int, int, int]) -> ReplayClock:
        clock = cls()
        clock.now, clock._low, clock._high, clock._astray = state
        return clock

    def fold(self, times: Sequence[int | None]) -> tuple[list[int], bytearray]:
        """Go on over the next events' times, in their order. Return the clock and the quality at each."""
        dated = [time for time in times if time is not None]
        if dated and len(dated) == len(times):
            if self.now is None:
                self.now = dated[0]
            # Nearly always all lie within the narrowest bounds of the batch: one pass in C.
            highest = max(dated)
            if highest <= self.now + self.AHEAD and min(dated) >= max(self.now, highest) - self.BACK:
                clock = list(accumulate(dated, max, initial=self.now))
                self.now = clock.pop()
                self._astray = 0
                return [*clock[1:], self.now], bytearray(len(dated))
        ingest: list[int] = []
        quality = bytearray(len(times))
        for row, time in enumerate(times):
            if time is None:
                quality[row] = UNDATED
            elif not self._believes(time):
                quality[row] = OUTSIDE
            ingest.append(self.now or 0)
        return ingest, quality

    def _believes(self, time: int) -> bool:
        if self.now is None:
            self.now = time
        elif self.now - self.BACK <= time <= self.now + self.AHEAD:
            self.now = max(self.now, time)
        else:
            low, high = min(self._low, time), max(self._high, time)
            if self._astray and high - low <= self.AGREE:
                self._low, self._high, self._astray = low, high, self._astray + 1
            else:
                self._low, self._high, self._astray = time, time, 1
            if self._astray < self.ENOUGH:
                return False
            self.now = self._high
        self._astray = 0
        return True


LIVE_BACK = 7 * DAY
LIVE_AHEAD = 5 * MINUTE

Stated = int | str | None
"""What an event says of its time: nanoseconds; a stamp that lacks the year, as text; nothing."""


class _Times(dict[Text, Stated]):
    """Texts of times -> what they state; forgotten when there are too many."""

    def __missing__(self, text: Text) -> Stated:
        first = first_text(text)
        found: Stated = parse_time(first)
        if found is None and len(first) < 40 and _SYSLOG.fullmatch(first.strip()):
            found = first.strip()
        if len(self) > 100_000:
            self.clear()
        self[text] = found
        return found


_met = _Times()


def stated_times(texts: Sequence[Text], absent: Sequence[Text]) -> list[Stated]:
    """What each row states."""
    if texts is absent:
        return [None] * len(texts)
    return list(map(_met.__getitem__, texts))
