"""Where to begin reading, as people write it: `earliest`, `latest`, a time, or so long ago.

In: the text of a setting or an option. Out: what it means; the clock is handed in. ValueError says what may
be written.
"""

from __future__ import annotations

import datetime
import re

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_HOW = (
    "write earliest, latest, a time with its zone such as 2026-11-20T08:00Z, or so long ago, such as 6h or 7d"
)


def check_start(text: str) -> str:
    """Return `text` if it says where to begin; else ValueError."""
    start_time(text, 0)
    return text


def start_time(text: str, now: int) -> int | None:
    """The time to begin at, nanoseconds since 1970 UTC; None for `earliest` and `latest`. now: likewise."""
    if text in ("earliest", "latest"):
        return None
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]] * 10**9
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_HOW) from None
    if moment.tzinfo is None:
        raise ValueError(f"the time has no zone: {_HOW}")
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
